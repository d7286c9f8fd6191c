"""The way to calls that wait in other processes: of this machine, and of all that share a Redis."""
