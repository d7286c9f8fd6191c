"""The echo server. Copy this file and echo_tools.py to begin a server of your own."""

from echo_tools import echo_tool, reverse_tool
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("echo")
mcp.add_tool(echo_tool)
mcp.add_tool(reverse_tool)
