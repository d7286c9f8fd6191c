"""Destinations in a network: which addresses may be reached by an entry that came by the admin API."""
