"""The servers there are now, and the names of their tools over all of them."""
