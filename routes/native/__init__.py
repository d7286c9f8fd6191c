"""Native MCP endpoints as HTTP sees them."""
