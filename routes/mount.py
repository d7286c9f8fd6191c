"""What stands under `/{server}`: its native MCP endpoint in both spellings, and the JSON endpoints beside it."""

from __future__ import annotations

from starlette.routing import Mount, Route, request_response

from gateway.server import Server
from routes.call import Call, CallTool
from routes.health import Health
from routes.methods import Methods
from routes.router import ExactRouter
from routes.tools import Tools


def mount(server: Server, max_body: int) -> Mount:
    tools = Tools(server)
    one = Methods(GET=request_response(tools.one), POST=CallTool(server, max_body))
    routes = [
        Route("/mcp", server.mcp),
        Route("/mcp/", server.mcp),
        Route("/mcp/call", Call(server, max_body), methods=["POST"]),
        Route("/mcp/tools", tools.list),
        one.at("/mcp/tools/{tool:path}"),
        Route("/mcp/health", Health(server).get),
    ]
    return Mount(f"/{server.name}", ExactRouter(routes))
