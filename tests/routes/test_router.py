"""ServersRouter: it finds routes without trying patterns, and answers like Starlette's router."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio.lowlevel
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router, WebSocketRoute, request_response
from starlette.websockets import WebSocket

from gateway.servers.registry import Registry
from routes.errors import exception_handlers
from routes.router import Handler, Methods, ServersRouter
from routes.scope import SERVER
from tests.routes.raw import Answer, ask_behind
from tests.sockets import Refused, connected

pytestmark = pytest.mark.anyio


def named(name: str) -> Any:
    """Returns a server that has only a name."""
    return SimpleNamespace(
        name=name, find={"own/": ...}.get, end_streams=lambda: None, drained=anyio.lowlevel.checkpoint
    )


def answers(route: str) -> Handler:
    """Returns an endpoint that answers with its name, the server and the path parameters."""

    async def endpoint(request: Request) -> Response:
        server = SERVER.get(request.scope)
        return JSONResponse({"route": route, "server": server and server.name, **request.path_params})

    return endpoint


async def socket(websocket: WebSocket) -> None:
    server = SERVER.get(websocket.scope)
    await websocket.accept()
    await websocket.send_json({"server": server and server.name})
    await websocket.close()


def registry_of(*names: str) -> Registry:
    registry = Registry()
    for name in names:
        registry.hold(named(name))
    return registry


def make(registry: Registry | None = None) -> Starlette:
    of_server = [
        Route("/mcp/tools", answers("tools")),
        Methods(get=answers("show"), post=request_response(answers("run"))).at("/mcp/tools/{tool:path}"),
        Route("/mcp/call", answers("call"), methods=["POST"]),
        WebSocketRoute("/mcp/ws", socket),
    ]
    routes = [
        Route("/a", answers("first")),
        Route("/a", answers("second")),
        Route("/b/{name}", answers("pattern")),
        Mount("/docs", Router([Route("/openapi.json", answers("file"))])),
        WebSocketRoute("/ws", socket),
        Route("/", answers("index")),
    ]
    app = Starlette(exception_handlers=exception_handlers())
    app.router = ServersRouter(registry or registry_of("one", "two"), of_server, routes)
    return app


async def ask(method: str, path: str, prefix: str = "") -> Answer:
    return await ask_behind(prefix, make(), method, path)


async def found(path: str, method: str = "GET", prefix: str = "") -> Any:
    answer = await ask(method, path, prefix)
    return answer.document if answer.status == 200 else answer.status


@pytest.mark.parametrize("prefix", ["", "/prefix", "/a/prefix", "/one"])
async def test_exact_path_is_answered_by_its_first_route(prefix: str) -> None:
    assert await found("/a", prefix=prefix) == {"route": "first", "server": None}
    assert await found("/", prefix=prefix) == {"route": "index", "server": None}


@pytest.mark.parametrize("prefix", ["", "/prefix", "/a/prefix", "/one"])
async def test_path_under_a_server_is_answered_for_that_server(prefix: str) -> None:
    for name in ("one", "two"):
        assert await found(f"/{name}/mcp/tools", prefix=prefix) == {"route": "tools", "server": name}
        assert await found(f"/{name}/mcp/call", "POST", prefix) == {"route": "call", "server": name}


@pytest.mark.parametrize("tool", ["add", "a/b", "a b", "", "own/", "mcp/tools/x", "add/ as add", "a//b// as a//b/"])
@pytest.mark.parametrize("prefix", ["", "/prefix"])
async def test_rest_of_a_tool_url_is_the_name_of_the_tool(tool: str, prefix: str) -> None:
    url, _, other = tool.partition(" as ")
    tool = other or url
    for method in ("GET", "HEAD"):
        shown = await found(f"/one/mcp/tools/{url}", method, prefix)
        assert shown == {"route": "show", "server": "one", "tool": tool}
    assert await found(f"/one/mcp/tools/{url}", "POST", prefix) == {"route": "run", "server": "one", "tool": tool}


async def test_prefix_is_removed_only_at_a_slash() -> None:
    async def behind_prefix(scope: Any, receive: Any, send: Any) -> None:
        await make()(scope | {"root_path": "/prefix"}, receive, send)

    for path, status in (("/prefix/a", 200), ("/a", 200), ("/prefixed/a", 404), ("/prefix", 404)):
        assert (await ask_behind("", behind_prefix, "GET", path)).status == status


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/a", "GET, HEAD"),
        ("DELETE", "/a", "GET, HEAD"),
        ("GET", "/one/mcp/call", "POST"),
        ("PUT", "/one/mcp/tools", "GET, HEAD"),
        ("PUT", "/one/mcp/tools/add", "GET, HEAD, POST"),
        ("POST", "/b/c", "GET, HEAD"),
    ],
)
async def test_wrong_method_is_405_with_all_methods_in_allow(method: str, path: str, allow: str) -> None:
    answer = await ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.document["type"] == "urn:multi-mcp:error:method-not-allowed"


async def test_patterns_and_mounts_are_tried_after_exact_paths() -> None:
    assert await found("/b/c") == {"route": "pattern", "server": None, "name": "c"}
    for prefix in ("", "/prefix"):
        # The path has the form of `/{server}/openapi.json`, but `docs` is not a server.
        assert await found("/docs/openapi.json", prefix=prefix) == {"route": "file", "server": None}


@pytest.mark.parametrize("path", ["/a/", "/docs", "/one", "/one/", "//", "/one//mcp/tools"])
async def test_other_paths_are_404_without_a_redirect(path: str) -> None:
    answer = await ask("GET", path)
    assert (answer.status, answer.document["type"]) == (404, "urn:multi-mcp:error:not-found")
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/tow/mcp", "/tow/mcp/", "/tow/mcp/tools", "/tow/mcp/tools/add", "/tow/openapi.json"])
async def test_path_of_an_unknown_server_names_the_nearest_servers(path: str) -> None:
    for prefix in ("", "/prefix"):
        answer = await ask("POST", path, prefix)
        assert (answer.status, answer.document["type"]) == (404, "urn:multi-mcp:error:unknown-server")
        assert "'two'" in answer.document["detail"]
        assert "'one'" not in answer.document["detail"]


async def test_removed_server_is_unknown_at_the_next_request() -> None:
    registry = registry_of("one", "two")
    app = make(registry)
    assert (await ask_behind("", app, "GET", "/one/mcp/tools")).status == 200
    await registry.remove("one", 0)
    answer = await ask_behind("", app, "GET", "/one/mcp/tools")
    assert answer.document["type"] == "urn:multi-mcp:error:unknown-server"


async def test_server_that_is_not_ready_is_unavailable() -> None:
    registry = registry_of("one")
    registry._held["one"].state = "starting"
    answer = await ask_behind("", make(registry), "GET", "/one/mcp/tools")
    assert (answer.status, answer.document["type"]) == (503, "urn:multi-mcp:error:unavailable")
    assert (await ask_behind("", make(registry), "GET", "/one/else")).status == 503


@pytest.mark.parametrize(("path", "server"), [("/ws", None), ("/one/mcp/ws", "one"), ("/two/mcp/ws", "two")])
@pytest.mark.parametrize("prefix", ["", "/prefix"])
async def test_websocket_is_accepted_at_exact_paths(path: str, server: str | None, prefix: str) -> None:
    async with connected(make(), path, prefix=prefix) as connection:
        assert await connection.receive() == {"server": server}


ELSEWHERE = ["/a", "/b/c", "/one/mcp/tools", "/one/mcp/tools/add", "/docs/openapi.json"]


@pytest.mark.parametrize("path", ["/ws/", "/one/mcp/ws/", "/three/mcp/ws", *ELSEWHERE])
async def test_websocket_at_any_other_path_is_404(path: str) -> None:
    with pytest.raises(Refused) as refused:
        async with connected(make(), path):
            pass
    assert (refused.value.status, refused.value.document["type"]) == (404, "urn:multi-mcp:error:not-found")


@pytest.mark.parametrize("path", ["/ws", "/one/mcp/ws"])
async def test_request_at_the_path_of_a_websocket_is_404(path: str) -> None:
    assert await found(path) == 404
