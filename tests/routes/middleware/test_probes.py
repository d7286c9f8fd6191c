"""`/livez` and `/readyz`: their answers, and who may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from gateway.errors import StartError
from tests.conftest import MakeApp, server_of
from tests.gateway.servers.added import local
from tests.routes.raw import ask, ask_behind
from tests.transport import opened

pytestmark = pytest.mark.anyio
PROBES = ["/livez", "/readyz"]


async def add(a: int, b: int) -> int:
    return a + b


@asynccontextmanager
async def failing(server: MCPServer[Any]) -> AsyncIterator[None]:
    raise OSError("no database")
    yield


async def readiness(app: Starlette) -> tuple[int, str]:
    answer = await ask(app, "GET", "/readyz")
    return answer.status, answer.document.get("detail", answer.document["status"])


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", [b"10.0.0.7:8000", b"evil.com", b"", None])
async def test_probe_is_answered_whatever_the_host_is(make_app: MakeApp, path: str, host: bytes | None) -> None:
    app = make_app(server_of(add))
    async with opened(app):
        answer = await ask(app, "GET", path, [] if host is None else [(b"host", host)])
    assert (answer.status, answer.document, answer.headers["cache-control"]) == (200, {"status": "ok"}, "no-store")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", PROBES)
async def test_probe_needs_no_credential(make_app: MakeApp, keys: Path, key: str, path: str) -> None:
    app = make_app(server_of(add), auth_keys=str(keys))
    async with opened(app) as http:
        for sent in ({}, {"authorization": "Bearer wrong"}):
            assert (await http.get(path, headers=sent)).status_code == 200


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.slow
async def test_probe_is_answered_on_every_port_and_behind_a_prefix(make_app: MakeApp, path: str) -> None:
    app = make_app(server_of(add), metrics="/metrics", metrics_port=9100)
    async with opened(app) as http:
        for port in (8000, 9100):
            assert (await http.get(f"http://localhost:{port}{path}")).status_code == 200
        assert (await ask_behind("/ai", app, "GET", path)).status == 200


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.slow
async def test_probe_answers_get_and_head_only(make_app: MakeApp, path: str) -> None:
    async with opened(make_app(server_of(add))) as http:
        assert (await http.head(path)).status_code == 200
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            assert answer.json()["type"] == "urn:multi-mcp:error:method-not-allowed"


async def test_router_is_ready_between_its_start_and_its_end(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    assert await readiness(app) == (503, "The router is starting.")
    async with opened(app):
        assert await readiness(app) == (200, "ok")
    assert await readiness(app) == (503, "The router is shutting down.")
    assert (await ask(app, "GET", "/livez")).status == 200


async def test_refusal_is_a_problem_with_retry_after(make_app: MakeApp) -> None:
    answer = await ask(make_app(server_of(add)), "GET", "/readyz")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.document["type"], answer.headers["retry-after"]) == ("urn:multi-mcp:error:unavailable", "1")


async def test_router_is_ready_as_long_as_one_server_is(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    registry = app.state.registry
    async with opened(app):
        with pytest.raises(StartError):
            await registry.add(local(app, MCPServer("broken", lifespan=failing)))
        assert await readiness(app) == (200, "ok")
        await registry.remove("one", grace=0)
        assert await readiness(app) == (503, "No server is ready.")
        await registry.remove("broken", grace=0)
        assert await readiness(app) == (200, "ok")


async def test_websocket_at_the_path_of_a_probe_is_refused(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    async with opened(app) as http:
        with anyio.fail_after(5):
            assert (await http.get("/livez/")).status_code == 404
