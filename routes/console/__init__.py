"""`/console`: what is being called, in a browser."""
