"""Servers of this process whose code is changed while they run."""
