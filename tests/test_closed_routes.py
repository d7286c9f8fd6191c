"""Routes when authentication is on: all need a credential except those in `OPEN`, and reading the files of pages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from routes.pages.pages import FOLDER
from routes.router import ServersRouter
from tests.conftest import MakeApp, server_of
from tests.matrix import access
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[1]
METADATA = "/.well-known/oauth-protected-resource"
HEALTH = {"/health", "/health/", "/one/mcp/health", "/one/mcp/health/"}
OPEN = {*HEALTH, "/livez", "/readyz", METADATA, METADATA + "/x"}
FILES = {f"/docs/{path.name}" for path in FOLDER.iterdir() if path.suffix != ".html"}
PROBES = ("/livez", "/readyz")  # answered in front of the routes
METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")


async def add(a: int, b: int) -> int:
    return a + b


def urls(app: Starlette) -> set[str]:
    """Returns a URL for each route, those of the server `one` included, and some that have no route."""
    router = app.router
    assert isinstance(router, ServersRouter)
    return {*_urls(router.routes), *_urls(router.server_routes, "/one"), *PROBES, "/x", "/x/x", "/x/mcp", "/one/x"}


def _urls(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _urls(route.routes, prefix + route.path) if route.routes else [f"{prefix}{route.path}/x"]
        elif isinstance(route, Route):
            yield prefix + re.sub(r"(?<=oauth-protected-resource)\{.*|\{.*?\}", _filled, route.path)
        else:  # tested with WebSockets; a new kind of route needs a case here
            assert isinstance(route, WebSocketRoute), route


def _filled(parameter: re.Match[str]) -> str:
    return "/x" if parameter.start() and parameter.string[parameter.start() - 1] != "/" else "x"


@pytest.mark.slow
async def test_every_route_needs_a_credential(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(server_of(add), **access.keys(tmp_path))
    found = urls(app)
    assert {"/mcp/", "/call", "/one/mcp", "/one/mcp/call/", "/one/mcp/tools/x", "/docs", "/x/"} | OPEN | FILES <= found
    async with opened(app) as http:
        for url in sorted(found):
            for method in METHODS:
                answer = await http.request(method, url)
                is_closed = url not in (OPEN | FILES if method in ("GET", "HEAD") else OPEN)
                assert (answer.status_code == 401) is is_closed, (method, url)
                assert ("resource_metadata=" in answer.headers.get("www-authenticate", "")) is is_closed


@pytest.mark.parametrize("url", sorted(OPEN))
async def test_open_routes_name_no_server(make_app: MakeApp, tmp_path: Path, url: str) -> None:
    async with opened(make_app(server_of(add), **access.keys(tmp_path))) as http:
        document = (await http.get(url)).json()
    assert not {"server", "servers", "tools", "sessions"} & {*document}


@pytest.mark.slow
def test_disabled_authentication_is_not_imported() -> None:
    guards = [
        "gateway.auth.scopes",
        "gateway.auth.authorization",
        "gateway.auth.native_access",
        "routes.native.challenge",
    ]
    made = (
        f"import sys, app; from settings.values import Settings; app.create_app(Settings(servers_dir=({shipped()!r},)))"
    )
    code = f"{made}; print([name for name in {guards} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
