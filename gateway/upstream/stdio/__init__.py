"""Links to servers that are child processes: one JSON-RPC message a line."""
