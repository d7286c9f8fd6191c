"""What counts, without an application around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver.tools import Tool
from prometheus_client import generate_latest, values

from features.turned_on import turned_on
from gateway.call import ToolCall, ToolResult, chain
from gateway.errors import Unavailable
from gateway.local.plan import Plan
from gateway.redis import RedisUnavailable
from gateway.telemetry.metrics import BUCKETS, Metrics
from gateway.telemetry.refusals import Refusals
from settings.values import Settings
from tests.gateway.telemetry.scrape import Scrape

pytestmark = pytest.mark.anyio


CALLS = "mcp_tool_calls_total"


SECONDS = "mcp_call_duration_seconds"


async def add(a: int, b: int) -> int:
    return a + b


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


async def test_tools_that_come_and_go_are_bounded() -> None:
    metrics = Metrics(limit=10)
    handler = chain([metrics])
    for number in range(50):
        await handler(made(f"tool-{number}"))
    scrape = of(metrics)
    assert len(scrape.labels(CALLS)) == 11
    assert scrape.value(CALLS, server="one", tool="other", via="call", outcome="ok") == 40
    assert scrape.sum(CALLS) == 50


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
    for by in (1, 1, -1):
        metrics.websockets_changed(by)
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
        with pytest.raises(RedisUnavailable):
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


async def test_several_that_count_in_one_folder_are_added_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value_class: None
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    one, other = Metrics(str(tmp_path)), Metrics(str(tmp_path))
    for metrics in (one, other, other):
        await chain([metrics])(made())
        metrics.look()  # or in a moment, by itself
    one.websockets_changed(1)
    other.websockets_changed(1)
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
