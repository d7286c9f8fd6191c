"""What a served server is. Knows MCP; knows no HTTP request, response or status code."""
