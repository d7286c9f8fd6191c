"""Entries of the official MCP registry (`server.json`), as entries of the file of servers."""
