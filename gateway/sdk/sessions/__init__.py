"""The sessions and streams of native clients: how many there are, whose, and what is kept for them."""
