"""The cache directives of a request, and the cache status of its response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx2
import pytest

from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp, server_of
from tests.gateway.cache.cached import Counting
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
async def http(make_app: MakeApp, counting: Counting) -> AsyncIterator[httpx2.AsyncClient]:
    async with opened(make_app(counting.server)) as client:
        yield client


async def ask(
    http: httpx2.AsyncClient, tool: str = "mine", headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    return await http.post("/one/mcp/call", json={"tool": tool}, headers=headers)


def cache_headers(answer: httpx2.Response) -> tuple[str | None, str | None]:
    return answer.headers.get("cache-status"), answer.headers.get("age")


async def test_response_has_its_cache_status(http: httpx2.AsyncClient) -> None:
    assert cache_headers(await ask(http)) == ("multi-mcp; fwd=miss; stored", None)
    status, age = cache_headers(await ask(http))
    assert (status in ("multi-mcp; hit; ttl=60", "multi-mcp; hit; ttl=59"), age) == (True, "0")
    assert cache_headers(await ask(http, "plain")) == (None, None)
    assert cache_headers(await ask(http, "fails")) == ("multi-mcp; fwd=miss", None)
    assert cache_headers(await ask(http, "none")) == (None, None)
    assert cache_headers(await http.get("/tools")) == (None, None)


@pytest.mark.slow
async def test_calls_that_waited_for_another_are_marked_collapsed(http: httpx2.AsyncClient, counting: Counting) -> None:
    calls = [asyncio.create_task(ask(http, "gated")) for _ in range(3)]
    await counting.until(1)
    for _ in range(50):
        await asyncio.sleep(0)
    counting.end()
    answers = [cache_headers(answer) for answer in await asyncio.gather(*calls)]
    assert sorted(answers, key=str) == [
        *[("multi-mcp; fwd=miss; collapsed", None)] * 2,
        ("multi-mcp; fwd=miss; stored", None),
    ]


@pytest.mark.parametrize("value", ["no-cache", "No-Cache", "max-age=0,no-cache", "max-age=5 , no-cache ,x"])
@pytest.mark.slow
async def test_no_cache_runs_the_tool_and_stores_the_result(http: httpx2.AsyncClient, value: str) -> None:
    await ask(http)
    refreshed = await ask(http, headers={"cache-control": value})
    assert (refreshed.json(), cache_headers(refreshed)) == ({"result": 2}, ("multi-mcp; fwd=request; stored", None))
    assert (await ask(http)).json() == {"result": 2}


@pytest.mark.slow
async def test_no_store_neither_reads_nor_stores(http: httpx2.AsyncClient) -> None:
    await ask(http)
    for headers in ({"cache-control": "no-store"}, {"cache-control": "no-cache, no-store"}):
        assert cache_headers(await ask(http, headers=headers)) == ("multi-mcp; fwd=request", None)
    assert (await ask(http)).json() == {"result": 1}


@pytest.mark.slow
async def test_several_cache_control_headers_are_combined(http: httpx2.AsyncClient) -> None:
    headers = [("content-type", "application/json"), ("cache-control", "no-cache"), ("cache-control", "max-age=0")]
    await ask(http)
    answer = await http.post("/one/mcp/call", content=b'{"tool":"mine"}', headers=headers)
    assert answer.json() == {"result": 2}


@pytest.mark.parametrize("value", ["", ",", "nocache", "no-cache=x", "x-no-cache", '"no-cache"', "max-age=0"])
@pytest.mark.slow
async def test_unknown_directive_is_ignored(http: httpx2.AsyncClient, value: str) -> None:
    await ask(http)
    assert (await ask(http, headers={"cache-control": value})).json() == {"result": 1}


async def test_call_that_bypasses_the_cache_has_that_status(http: httpx2.AsyncClient) -> None:
    asked = await ask(http, "asks_to_wait")
    body = {"tool": "asks_to_wait", "requestState": asked.json()["requestState"]}
    assert cache_headers(await http.post("/one/mcp/call", json=body)) == ("multi-mcp; fwd=bypass", None)


@pytest.mark.slow
async def test_stream_has_no_cache_headers(http: httpx2.AsyncClient, counting: Counting) -> None:
    session = await open_session(http, "/one/mcp")
    for number in (1, 2):
        answer = await http.post("/one/mcp", json=wire.request("tools/call", number, name="mine"), headers=session)
        assert (wire.messages(answer.text)[-1]["result"]["structuredContent"], cache_headers(answer)) == (
            {"result": 1},
            (None, None),
        )


async def test_modern_native_response_has_its_cache_status(http: httpx2.AsyncClient) -> None:
    headers, body = wire.modern("tools/call", name="mine", arguments={})
    first, second = [cache_headers(await http.post("/one/mcp", json=body, headers=headers))[0] for _ in range(2)]
    assert first == "multi-mcp; fwd=miss; stored"
    assert second is not None
    assert second.startswith("multi-mcp; hit; ttl=")


@pytest.mark.slow
async def test_cross_origin_page_can_send_and_read_cache_headers(http: httpx2.AsyncClient) -> None:
    origin = {"origin": "http://localhost:3000"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "cache-control, content-type"}
    preflight = await http.options("/one/mcp/call", headers={**origin, **asked})
    assert "cache-control" in preflight.headers["access-control-allow-headers"].split(", ")
    answer = await ask(http, headers=origin)
    assert {"Age", "Cache-Status"} <= {*answer.headers["access-control-expose-headers"].split(", ")}


async def test_response_has_no_cache_headers_without_a_cached_tool(make_app: MakeApp) -> None:
    async def alone() -> int:
        return 1

    async with opened(make_app(server_of(alone))) as http:
        answer = await ask(http, "alone", {"cache-control": "no-cache"})
    assert (answer.json(), cache_headers(answer)) == ({"result": 1}, (None, None))
