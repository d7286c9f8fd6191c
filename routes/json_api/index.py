"""`GET /`: the servers and their URLs, as JSON, or as a short page for a browser."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.server import Server
from gateway.servers.registry import Registry
from routes.json_api.tools import cache_control
from routes.scope import root_path_of


class Index:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, request: Request) -> Response:
        root = root_path_of(request.scope)
        servers = [urls(self._registry[name], root) for name in self._registry.names_used()]
        headers = {"Cache-Control": cache_control()}
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(servers, root), headers=headers)
        rest = {name: f"{root}/{name}" for name in ("mcp", "tools", "call", "health", "docs")}
        return JSONResponse({"servers": servers, **rest, "openapi": f"{root}/openapi.json"}, headers=headers)


def urls(server: Server, root: str = "") -> dict[str, str]:
    """Returns the URLs of one server by their purpose."""
    mcp = f"{root}/{server.name}/mcp"
    rest = {name: f"{mcp}/{name}" for name in ("tools", "call", "health")}
    return {"server": server.name, "mcp": mcp, **rest, "openapi": f"{root}/{server.name}/openapi.json"}


def _page(servers: list[dict[str, str]], root: str) -> str:
    rows = "".join(
        f"<tr><th>{escape(server['server'])}</th>"
        + "".join(f'<td><a href="{escape(server[name])}">{name}</a></td>' for name in ("tools", "health", "openapi"))
        + f"<td><code>{escape(server['mcp'])}</code></td></tr>"
        for server in servers
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Multi-MCP</title>'
        "<style>body{font:16px system-ui;margin:3em}th,td{text-align:left;padding:.3em 1em .3em 0}</style>"
        f'<h1>Multi-MCP</h1><table>{rows}</table><p><a href="{escape(root)}/docs">Try the tools</a></p></html>'
    )
