"""The URLs, and the middleware in front of them. Knows HTTP; never imports the MCP SDK."""
