"""What a served server is. Knows MCP; knows no HTTP request, response or status code."""

VERSION = "0.1.0"
