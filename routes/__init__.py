"""What a URL does, and what stands in front. Knows HTTP; never imports the MCP SDK."""
