"""The math server: numbers in, numbers out."""

from math_tools import add_tool, multiply_tool
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("math")
mcp.add_tool(add_tool)
mcp.add_tool(multiply_tool)
