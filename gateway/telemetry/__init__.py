"""Log lines, metrics and traces of calls."""
