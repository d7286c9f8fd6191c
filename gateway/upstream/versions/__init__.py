"""Several entries that run the versions of one server's tools."""
