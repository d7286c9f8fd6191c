"""Results of tools that allow it, stored for a while."""
