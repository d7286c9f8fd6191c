"""Definitions of tools that were approved, so that an upstream cannot change them unseen."""
