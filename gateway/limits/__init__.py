"""Limits on calls: how many at once, for how long, how often."""
