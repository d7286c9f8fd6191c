"""Plain JSON: calls, lists of tools, health, the first page."""
