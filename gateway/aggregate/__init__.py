"""All servers as one native MCP endpoint."""
