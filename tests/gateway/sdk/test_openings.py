"""Sessions and streams: who may open them, how often, and how many of them are one caller's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.auth.utils import extract_scope_from_www_auth
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from tests import wire
from tests.clients import open_session, post
from tests.conftest import MakeApp, server_of
from tests.principals import GREEDY, MODEST, principals
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
Headers = Mapping[str, str]
ENDPOINTS = ["/one/mcp", "/mcp"]
ANYBODY: Headers = {}
EXCEEDED = {"type": "share-exceeded", "retryAfter": 1}


async def add(a: int, b: int) -> int:
    return a + b


def one() -> MCPServer[Any]:
    return server_of(add)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Starlette:
    """Serves two principals, who may each hold two of the eight sessions and streams."""
    return make_app(one(), max_sessions=8, **principals(tmp_path))


async def initialize(http: Http, url: str, headers: Headers = ANYBODY) -> httpx2.Response:
    return await http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **headers})


def refused(answer: httpx2.Response) -> dict[str, Any]:
    """Returns the data of the JSON-RPC error, and checks that it says as much as the headers."""
    message = answer.json()
    assert (message["jsonrpc"], message["id"], message["error"]["code"]) == ("2.0", None, -32000)
    data: dict[str, Any] = message["error"]["data"]
    assert answer.headers.get("retry-after") == (str(data["retryAfter"]) if "retryAfter" in data else None)
    return data


def sessions_of(app: Starlette) -> int:
    count: int = app.state.registry["one"].sessions
    return count


@asynccontextmanager
async def listening(http: Http, url: str, headers: Headers = ANYBODY) -> AsyncIterator[dict[str, Any]]:
    """Opens a listen stream, and yields its first message."""
    needed, body = wire.modern("subscriptions/listen", notifications={"toolsListChanged": True})
    async with http.stream("POST", url, json=body, headers={**needed, **headers}) as answer:
        if answer.headers["content-type"] == "application/json":
            await answer.aread()
            yield answer.json()
            return
        async for text in answer.aiter_text():
            yield wire.messages(text)[0]
            break


async def listens(http: Http, url: str, headers: Headers = ANYBODY) -> bool:
    """Opens a listen stream and closes it. Returns False if the caller's share or a rate limit is exceeded."""
    async with listening(http, url, headers) as first:
        if "error" in first:
            assert first["error"]["data"]["type"] in ("share-exceeded", "rate-limited")
        return "error" not in first


@pytest.mark.parametrize("url", ENDPOINTS)
async def test_principal_opens_its_share_of_the_sessions_and_others_open_theirs(app: Starlette, url: str) -> None:
    async with opened(app) as http:
        held = [await open_session(http, url, GREEDY) for _ in range(2)]
        answer = await initialize(http, url, GREEDY)
        assert (answer.status_code, refused(answer)) == (429, EXCEEDED)
        assert answer.json()["error"]["message"] == "Too many open sessions: one caller may have 2 of 8."
        for _ in range(2):
            await open_session(http, url, MODEST)
        assert (await http.delete(url, headers={**held[0], **GREEDY})).status_code == 200
        await open_session(http, url, GREEDY)
        assert (await initialize(http, url, GREEDY)).status_code == 429


async def test_sessions_of_all_callers_together_are_bounded(make_app: MakeApp, tmp_path: Path) -> None:
    async with opened(make_app(one(), max_sessions=2, max_share=1.0, **principals(tmp_path))) as http:
        for _ in range(2):
            await open_session(http, "/one/mcp", GREEDY)
        answer = await initialize(http, "/one/mcp", MODEST)
    assert (answer.status_code, refused(answer)) == (503, {"type": "unavailable", "retryAfter": 1})


async def test_session_that_ends_in_any_way_gives_its_place_back(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(one(), max_sessions=1, session_idle_timeout=0.05, **principals(tmp_path))
    async with opened(app) as http:
        bodies: list[Any] = [{"jsonrpc": "2.0"}, [], wire.request("tools/list"), {**wire.INITIALIZE, "id": []}]
        for body in bodies:
            answer = await http.post("/one/mcp", json=body, headers={**wire.BOTH_TYPES, **GREEDY})
            assert answer.status_code == 400
        for method in ("GET", "DELETE", "PUT"):
            assert (await http.request(method, "/one/mcp", headers={**wire.BOTH_TYPES, **GREEDY})).status_code >= 400
        for _ in range(2):
            await open_session(http, "/one/mcp", GREEDY)
            with anyio.fail_after(5):
                while sessions_of(app):  # idle
                    await anyio.sleep(0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(initialize, http, "/one/mcp", GREEDY)
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            while (await initialize(http, "/one/mcp", GREEDY)).status_code != 200:
                await anyio.sleep(0.01)


@pytest.mark.parametrize("url", ENDPOINTS)
async def test_principal_opens_its_share_of_the_streams_in_either_way(app: Starlette, url: str) -> None:
    async with opened(app) as http:
        sessions = [{**await open_session(http, url, GREEDY), **GREEDY} for _ in range(2)]
        async with AsyncExitStack() as streams:
            await streams.enter_async_context(http.stream("GET", url, headers=sessions[0]))
            first = await streams.enter_async_context(listening(http, url, GREEDY))
            assert first["method"] == "notifications/subscriptions/acknowledged"
            answer = await http.get(url, headers=sessions[1])
            assert (answer.status_code, refused(answer)) == (429, EXCEEDED)
            async with listening(http, url, GREEDY) as second:
                assert (second["error"]["code"], second["error"]["data"]) == (-32000, EXCEEDED)
            assert await listens(http, url, MODEST)
        with anyio.fail_after(5):
            for _ in range(4):  # the places are free again
                while not await listens(http, url, GREEDY):
                    await anyio.lowlevel.checkpoint()


async def test_streams_have_no_bound_below_that_of_sessions(make_app: MakeApp) -> None:
    async with opened(make_app(one(), max_sessions=1100)) as http, AsyncExitStack() as streams:
        for _ in range(1100):
            first = await streams.enter_async_context(listening(http, "/one/mcp"))
            assert "error" not in first
        async with listening(http, "/one/mcp") as first:
            assert first["error"]["data"] == {"type": "unavailable", "retryAfter": 1}


@pytest.mark.parametrize(("url", "scope"), [("/one/mcp", "one:*"), ("/mcp", "*:*")])
async def test_caller_who_may_use_nothing_of_a_server_opens_nothing_there(
    make_app: MakeApp, tmp_path: Path, url: str, scope: str
) -> None:
    app = make_app(one(), **principals(tmp_path, "two:*", "one:subtract"))
    async with opened(app) as http:
        answer = await initialize(http, url, GREEDY)
        assert (answer.status_code, refused(answer)) == (403, {"type": "forbidden", "scope": scope})
        assert extract_scope_from_www_auth(answer) == scope
        async with listening(http, url, GREEDY) as first:
            assert (first["error"]["code"], first["error"]["data"]) == (-32000, {"type": "forbidden", "scope": scope})
        assert sessions_of(app) == 0


async def test_caller_who_may_use_one_server_opens_sessions_there_and_over_all(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with opened(make_app(one(), server_of(add, name="two"), **principals(tmp_path, "one:add"))) as http:
        assert [(await initialize(http, url, GREEDY)).status_code for url in ("/one/mcp", "/mcp", "/two/mcp")] == [
            200,
            200,
            403,
        ]
        assert await listens(http, "/mcp", GREEDY)


async def test_router_without_servers_can_be_asked(make_app: MakeApp, tmp_path: Path) -> None:
    async with opened(make_app(servers_dir=(str(tmp_path),), **principals(tmp_path))) as http:
        assert (await initialize(http, "/mcp", GREEDY)).status_code == 200


@pytest.mark.parametrize("stateless", [False, True])
@pytest.mark.parametrize("url", ENDPOINTS)
async def test_openings_are_rate_limited_apart_from_calls(make_app: MakeApp, url: str, stateless: bool) -> None:
    async with opened(make_app(one(), rate_limit="2/hour", stateless=stateless)) as http:
        for _ in range(2):
            assert (await initialize(http, url)).status_code == 200
        answer = await initialize(http, url)
        data = refused(answer)
        assert (answer.status_code, data["type"]) == (429, "rate-limited")
        assert answer.headers["ratelimit"] == f'"default";r=0;t={data["retryAfter"]}'
        assert not await listens(http, url)
        for _ in range(2):
            assert (await http.post("/one/mcp/call", json={"tool": "add", "arguments": {"a": 1, "b": 2}})).is_success
        assert (await post(http, "add")).status_code == 429


async def test_listen_streams_are_rate_limited_by_the_rule_of_their_server(make_app: MakeApp) -> None:
    app = make_app(one(), server_of(add, name="two"), rate_limit="1/hour; one:*=2/hour")
    async with opened(app) as http:
        heard = {url: [await listens(http, url) for _ in range(3)] for url in ("/one/mcp", "/two/mcp", "/mcp")}
    assert heard == {"/one/mcp": [True, True, False], "/two/mcp": [True, False, False], "/mcp": [False] * 3}


async def test_stateless_initialize_needs_a_scope_and_other_requests_open_nothing(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with opened(make_app(one(), stateless=True, **principals(tmp_path, "two:*"))) as http:
        assert (await initialize(http, "/one/mcp", GREEDY)).status_code == 403
        listed = await http.post("/one/mcp", json=wire.request("tools/list"), headers={**wire.BOTH_TYPES, **GREEDY})
        assert wire.messages(listed.text)[0]["result"]["tools"] == []
        odd = await http.post("/one/mcp", content=b"initialize", headers={**wire.BOTH_TYPES, **GREEDY})
        assert odd.status_code == 400
