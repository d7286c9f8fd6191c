"""The rules for entries that came by the admin API: programs, destinations and variables must be allowed by name."""
