"""The admin API without HTTP: the file of servers elsewhere, its changes, and their history."""
