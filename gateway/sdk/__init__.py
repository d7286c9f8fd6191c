"""Everything used of the MCP SDK beyond its public interface. `mcp` is pinned to its minor version for it."""
