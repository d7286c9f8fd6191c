"""The metrics of calls on every transport. No client can make their number grow."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool

from tests import wire
from tests.clients import ERAS, answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.gateway.telemetry.scrape import Scrape, scraped
from tests.matrix.target import Target
from tests.matrix.ways import VIA, WAYS
from tests.sockets import connected as connected_socket
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
CALLS = "mcp_tool_calls_total"
SECONDS = "mcp_call_duration_seconds"


async def add(a: int, b: int) -> int:
    return a + b


async def no() -> str:
    raise ToolError("no")


async def crash() -> str:
    raise RuntimeError


async def wait() -> str:
    await anyio.sleep_forever()
    return "never"


TOOLS = (add, no, crash, wait)


@pytest.mark.parametrize("way", WAYS)
async def test_call_is_counted_and_timed_once_on_every_transport(make_app: MakeApp, way: str) -> None:
    app = make_app(server_of(*TOOLS), graphql=GRAPHQL, metrics="/metrics")
    async with opened(app) as client:
        assert (await WAYS[way](Target(app, client), "add", {"a": 1, "b": 2}, {})).value == 3
        scrape = await scraped(client)
    (labels,) = scrape.labels(CALLS)
    assert labels == {"server": "one", "tool": "add", "via": VIA[way], "outcome": "ok"}
    assert scrape.sum(CALLS) == 1
    assert scrape.value(f"{SECONDS}_count", server="one", tool="add") == 1
    assert 0 < scrape.sum(f"{SECONDS}_sum") < 10
    assert scrape.value("mcp_calls_in_flight") == 0


@pytest.mark.parametrize(
    ("tool", "arguments", "outcome"),
    [
        ("add", {"a": 1}, "invalid-arguments"),
        ("no", {}, "tool-error"),
        ("crash", {}, "tool-crashed"),
        ("wait", {}, "timeout"),
    ],
)
async def test_outcome_of_a_call_is_the_same_word_as_in_the_log(
    make_app: MakeApp, tool: str, arguments: dict[str, Any], outcome: str
) -> None:
    app = make_app(server_of(*TOOLS), metrics="/metrics", call_timeout=0.05)
    async with opened(app) as client:
        await post(client, tool, arguments)
        async with connected(client, "modern") as mcp:
            await answered(mcp, tool, arguments)
        scrape = await scraped(client)
    for via in ("call", "mcp"):
        assert scrape.value(CALLS, server="one", tool=tool, via=via, outcome=outcome) == 1
    assert scrape.sum(f"{SECONDS}_count", tool=tool) == 2


async def test_made_up_names_share_one_label(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics")) as client:
        for number in range(20):
            await post(client, f"made-up-{number}")
            await client.post(f"/one/mcp/tools/made-up-{number}", json={})
            await client.post("/call", json={"server": f"made-up-{number}", "tool": "add"})
            await client.post("/call", json={"tool": f"one_made-up-{number}"})
            await client.post(f"/made-up-{number}/mcp/call", json={"tool": "add"})
        for era in ERAS:
            for server in ("one", ""):
                async with connected(client, era, server) as mcp:
                    await answered(mcp, "made-up")
                    await answered(mcp, "one_made-up")
        text = (await client.get("/metrics")).text
    scrape = Scrape.of_text(text)
    assert "made-up" not in text
    assert {labels["tool"] for labels in scrape.labels(CALLS)} == {"unknown"}
    assert {labels["server"] for labels in scrape.labels(CALLS)} == {"one", "unknown"}
    assert scrape.sum(CALLS, outcome="unknown-server") == 20
    assert scrape.sum(CALLS, outcome="unknown-tool") == scrape.sum(CALLS) - 20 >= 60


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "ünï cödé", "\u2028", 'all"\\\n"', "", "{}"])
async def test_tool_name_is_escaped_in_both_formats(make_app: MakeApp, name: str) -> None:
    odd = Tool.from_function(add, name="placeholder")
    odd.name = name
    server = server_of()
    server._tool_manager._tools[name] = odd
    async with opened(make_app(server, metrics="/metrics")) as client:
        await post(client, name, {"a": 1, "b": 2})
        text = await client.get("/metrics")
        openmetrics = await client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    for scrape in (Scrape.of_text(text.text), Scrape.of_openmetrics(openmetrics.text)):
        assert scrape.value(CALLS, server="one", tool=name, via="call", outcome="ok") == 1


async def test_calls_in_flight_are_counted_up_and_down(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics")) as client:
        calls = [asyncio.create_task(post(client, "wait")) for _ in range(3)]
        while (await scraped(client)).value("mcp_calls_in_flight") != 3:
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        while (scrape := await scraped(client)).value("mcp_calls_in_flight"):
            await asyncio.sleep(0)
    assert scrape.value(CALLS, server="one", tool="wait", via="call", outcome="cancelled") == 3


async def test_call_refused_by_an_interceptor_is_a_refusal_without_duration(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics", max_calls=1)) as client:
        first = asyncio.create_task(post(client, "wait"))
        while (await scraped(client)).value("mcp_calls_in_flight") != 1:
            await asyncio.sleep(0)
        assert (await post(client, "add", {"a": 1, "b": 2})).status_code == 503
        scrape = await scraped(client)
        first.cancel()
    assert scrape.value("mcp_refusals_total", reason="unavailable") == 1
    assert scrape.value(CALLS, server="one", tool="add", via="call", outcome="unavailable") == 1
    assert scrape.labels(f"{SECONDS}_count") == []


async def test_request_refused_by_middleware_is_a_refusal_and_no_call(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics")) as client:
        await client.get("/tools", headers={"host": "evil.com"})
        await client.get("/tools", headers={"origin": "https://evil.com"})
        await client.get("/tools", headers={"origin": "https://evil.com"})
        scrape = await scraped(client)
    assert scrape.value("mcp_refusals_total", reason="misdirected") == 1
    assert scrape.value("mcp_refusals_total", reason="forbidden-origin") == 2
    assert scrape.labels(CALLS) == []


async def test_servers_are_up_and_their_open_sessions_are_counted(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), server_of(name="two"), metrics="/metrics")) as client:
        for url in ("/one/mcp", "/one/mcp", "/mcp"):
            await client.post(url, json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
        scrape = await scraped(client)
    assert {labels["server"]: scrape.value("mcp_server_up", **labels) for labels in scrape.labels("mcp_server_up")} == {
        "one": 1,
        "two": 1,
    }
    sessions = scrape.labels("mcp_open_sessions")
    assert {labels["server"]: scrape.value("mcp_open_sessions", **labels) for labels in sessions} == {
        "one": 2,
        "two": 0,
        "mcp": 1,
    }
    (about,) = scrape.labels("mcp_build_info")
    assert set(about) == {"version", "python", "mcp"}


async def test_two_applications_count_separately(make_app: MakeApp) -> None:
    async with (
        opened(make_app(server_of(*TOOLS), metrics="/metrics")) as one,
        opened(make_app(server_of(*TOOLS), metrics="/metrics")) as other,
    ):
        await post(one, "add", {"a": 1, "b": 2})
        assert ((await scraped(one)).sum(CALLS), (await scraped(other)).sum(CALLS)) == (1, 0)


async def test_open_websockets_are_counted(make_app: MakeApp) -> None:
    app = make_app(server_of(add), metrics="/metrics")
    async with opened(app) as http:
        async with connected_socket(app, "/ws"), connected_socket(app, "/one/mcp/ws"):
            assert (await scraped(http)).value("mcp_websocket_connections") == 2
        for _ in range(10):  # until the application has seen the end of each
            await asyncio.sleep(0)
        assert (await scraped(http)).value("mcp_websocket_connections") == 0


async def test_unanswered_redis_requests_are_counted(make_app: MakeApp) -> None:
    redis: Any = {"redis_url": "redis://127.0.0.1:1", "state_keys": ("of replicas, and not from Redis!",)}
    app = make_app(server_of(add), metrics="/metrics", rate_limit="9/hour", rate_limit_without_redis="closed", **redis)
    async with opened(app) as http:
        assert [(await post(http, "add", {"a": 1, "b": 2})).status_code for _ in range(2)] == [503, 503]
        assert (await scraped(http)).value("mcp_redis_unanswered_total", trouble="away") == 2
