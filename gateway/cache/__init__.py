"""Cached results of the tools that allow it."""
