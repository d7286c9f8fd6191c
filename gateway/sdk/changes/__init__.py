"""Changes of lists and resources on their way to the clients that listen, of both eras."""
