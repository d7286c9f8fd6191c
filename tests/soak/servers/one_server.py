from soak_tools import server

mcp = server("one")
