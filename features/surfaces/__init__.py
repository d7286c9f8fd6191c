"""Ways in besides native MCP and JSON, and the pages and interfaces around them."""
