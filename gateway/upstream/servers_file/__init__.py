"""The file of servers (`MCP_SERVERS_FILE`) as a text that is changed by one writer at a time."""
