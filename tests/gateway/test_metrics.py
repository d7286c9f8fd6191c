"""What is counted of each call, by every way in, and that no client can make the counters grow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from prometheus_client import generate_latest, values

from features import turned_on
from gateway.call import ToolCall, ToolResult, chain
from gateway.errors import Unavailable
from gateway.metrics import BUCKETS, Metrics
from gateway.refusals import Refusals
from gateway.shared import Away
from gateway.tool import Plan
from settings import Settings
from tests import wire
from tests.clients import ERAS, answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.matrix.ways import VIA, WAYS, Door
from tests.scrape import Scrape, scraped
from tests.transport import opened

pytestmark = pytest.mark.anyio
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


def of(metrics: Metrics) -> Scrape:
    metrics.look()
    return Scrape.of_text(generate_latest(metrics.registry).decode())


def made(tool: str = "add") -> ToolCall:
    """A call of a tool that there is."""

    async def execute(call: ToolCall) -> ToolResult:
        return ToolResult(b"1")

    call = ToolCall("one", tool, {}, "call")
    call.plan, call.execute = Plan(Tool.from_function(add)), execute
    return call


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_is_counted_and_timed_once_by_every_way_in(make_app: MakeApp, way: str) -> None:
    app = make_app(server_of(*TOOLS), metrics="/metrics")
    async with opened(app) as client:
        assert (await WAYS[way](Door(app, client), "add", {"a": 1, "b": 2}, {})).value == 3
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
async def test_what_came_of_a_call_is_the_word_of_the_log(
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


async def test_names_that_clients_make_up_are_one_label(make_app: MakeApp) -> None:
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
    assert {labels["server"] for labels in scrape.labels(CALLS)} == {"one"}
    assert scrape.sum(CALLS, outcome="unknown-tool") == scrape.sum(CALLS) >= 40


async def test_tools_that_come_and_go_are_bounded() -> None:
    metrics = Metrics(limit=10)
    handler = chain([metrics])
    for number in range(50):
        await handler(made(f"tool-{number}"))
    scrape = of(metrics)
    assert len(scrape.labels(CALLS)) == 11
    assert scrape.value(CALLS, server="one", tool="other", via="call", outcome="ok") == 40
    assert scrape.sum(CALLS) == 50


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "ünï cödé", "\u2028", 'all"\\\n"', "", "{}"])
async def test_the_name_of_a_tool_is_escaped_in_both_formats(make_app: MakeApp, name: str) -> None:
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


async def test_calls_in_flight_are_those_under_way(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics")) as client:
        calls = [asyncio.create_task(post(client, "wait")) for _ in range(3)]
        while (await scraped(client)).value("mcp_calls_in_flight") != 3:
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        while (scrape := await scraped(client)).value("mcp_calls_in_flight"):
            await asyncio.sleep(0)
    assert scrape.value(CALLS, server="one", tool="wait", via="call", outcome="cancelled") == 3


async def test_a_call_refused_in_the_chain_is_a_refusal_and_has_no_duration(make_app: MakeApp) -> None:
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


async def test_a_request_refused_before_it_is_a_call_is_a_refusal(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(*TOOLS), metrics="/metrics")) as client:
        await client.get("/tools", headers={"host": "evil.com"})
        await client.get("/tools", headers={"origin": "https://evil.com"})
        await client.get("/tools", headers={"origin": "https://evil.com"})
        scrape = await scraped(client)
    assert scrape.value("mcp_refusals_total", reason="misdirected") == 1
    assert scrape.value("mcp_refusals_total", reason="forbidden-origin") == 2
    assert scrape.labels(CALLS) == []


async def test_servers_are_up_and_their_sessions_are_those_that_are_open(make_app: MakeApp) -> None:
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


class Broken:
    name = "broken"
    sessions = 0

    def status(self) -> Any:
        raise OSError


def test_a_server_that_cannot_tell_how_it_is_is_down() -> None:
    metrics = Metrics()
    metrics.watch([Broken()], Broken())  # type: ignore[list-item]
    assert of(metrics).value("mcp_server_up", server="broken") == 0


def test_others_tell_what_they_see() -> None:
    metrics = Metrics()
    metrics.cache_asked("hit", "one", "add")
    metrics.cache_asked("miss", "one", "add")
    metrics.redis_unanswered()
    metrics.websocket_opened()
    metrics.websocket_opened()
    metrics.websocket_closed()
    metrics.refused("unauthenticated")
    scrape = of(metrics)
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="hit") == 1
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="miss") == 1
    assert scrape.value("mcp_redis_unanswered_total") == 1
    assert scrape.value("mcp_websocket_connections") == 1
    assert scrape.value("mcp_refusals_total", reason="unauthenticated") == 1


async def test_a_redis_that_does_not_answer_is_counted() -> None:
    features = turned_on(Settings(metrics="/metrics", redis_url="redis://127.0.0.1:1"), Refusals(), [])
    for _ in range(2):
        with pytest.raises(Away):
            await features.shared.ask(features.shared.client.ping)
    assert of(features.metrics).value("mcp_redis_unanswered_total") == 2


async def test_each_call_falls_into_its_bucket() -> None:
    times = iter([0.0, 0.0004, 1.0, 1.02, 2.0, 92.0])
    metrics = Metrics(clock=lambda: next(times))
    handler = chain([metrics])
    for _ in range(3):
        await handler(made())
    scrape = of(metrics)
    within = {bound: scrape.sum(f"{SECONDS}_bucket", le=str(float(bound))) for bound in BUCKETS}
    assert (within[0.0005], within[0.01], within[0.025], within[60]) == (1, 1, 2, 2)
    assert scrape.sum(f"{SECONDS}_bucket", le="+Inf") == 3


async def test_what_is_raised_passes_through() -> None:
    async def execute(call: ToolCall) -> ToolResult:
        raise Unavailable("no")

    metrics, call = Metrics(), made()
    call.execute = execute
    with pytest.raises(Unavailable):
        await chain([metrics])(call)
    assert of(metrics).value("mcp_calls_in_flight") == 0


async def test_two_applications_count_apart(make_app: MakeApp) -> None:
    async with (
        opened(make_app(server_of(*TOOLS), metrics="/metrics")) as one,
        opened(make_app(server_of(*TOOLS), metrics="/metrics")) as other,
    ):
        await post(one, "add", {"a": 1, "b": 2})
        assert ((await scraped(one)).sum(CALLS), (await scraped(other)).sum(CALLS)) == (1, 0)


async def test_several_that_count_in_one_folder_are_added_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value_class: None
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    one, other = Metrics(str(tmp_path)), Metrics(str(tmp_path))
    for metrics in (one, other, other):
        await chain([metrics])(made())
        metrics.look()  # or in a moment, by itself
    one.websocket_opened()
    other.websocket_opened()
    one.refused("misdirected")
    for metrics in (one, other):
        scrape = of(metrics)
        assert scrape.value(CALLS, server="one", tool="add", via="call", outcome="ok") == 3
        assert scrape.value(f"{SECONDS}_count", server="one", tool="add") == 3
        assert scrape.value("mcp_websocket_connections") == 2
        assert scrape.value("mcp_calls_in_flight") == 0
        assert scrape.value("mcp_refusals_total", reason="misdirected") == 1
        assert len(scrape.labels("mcp_build_info")) == 1
        assert "process_cpu_seconds_total" not in scrape.names()  # of one worker it would say nothing


@pytest.fixture
def value_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client keeps for the whole process how it counts."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
