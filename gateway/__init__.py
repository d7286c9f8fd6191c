"""Served servers and the calls of their tools. Knows MCP, but no HTTP request, response or status code."""

VERSION = "0.1.0"
