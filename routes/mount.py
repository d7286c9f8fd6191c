"""What stands under `/{server}`: its native MCP endpoint in both spellings, and the JSON endpoints beside it."""

from __future__ import annotations

from starlette.routing import Mount, Route, request_response

from gateway.server import Server
from gateway.servers.names import Names
from routes.json_api.call import Call, CallTool
from routes.json_api.health import Health
from routes.json_api.tools import Tools
from routes.methods import Methods
from routes.native.endpoint import native
from routes.openapi.document import OpenAPI
from routes.router import ExactRouter


def mount(server: Server, names: Names, max_body: int, stateless: bool) -> Mount:
    tools = Tools(server)
    one = Methods(GET=request_response(tools.one), POST=CallTool(server, max_body))
    routes = [
        *native(server.mcp, stateless),
        Route("/mcp/call", Call(server, max_body), methods=["POST"]),
        Route("/mcp/tools", tools.list),
        one.at("/mcp/tools/{tool:path}"),
        Route("/mcp/health", Health(server).get),
        Route("/openapi.json", OpenAPI(server, names).get),
    ]
    return Mount(f"/{server.name}", ExactRouter(routes))
