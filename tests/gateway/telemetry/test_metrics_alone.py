"""`Metrics` without an application around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver.tools import Tool
from prometheus_client import generate_latest, values
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.values import MultiProcessValue

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


def scrape_of(metrics: Metrics) -> Scrape:
    metrics.refresh()
    return Scrape.of_text(generate_latest(metrics.registry).decode())


def call_of(tool: str = "add") -> ToolCall:
    """Returns a call of a known tool."""

    async def execute(call: ToolCall) -> ToolResult:
        return ToolResult(b"1")

    call = ToolCall("one", tool, {}, "call")
    call.plan, call.execute = Plan(Tool.from_function(add)), execute
    return call


async def test_number_of_labels_is_bounded_if_tools_come_and_go() -> None:
    metrics = Metrics(limit=10)
    handler = chain([metrics])
    for number in range(50):
        await handler(call_of(f"tool-{number}"))
    scrape = scrape_of(metrics)
    assert len(scrape.labels(CALLS)) == 11
    assert scrape.value(CALLS, server="one", tool="other", via="call", outcome="ok") == 40
    assert scrape.sum(CALLS) == 50


class Broken:
    name = "broken"
    sessions = 0

    def status(self) -> Any:
        raise OSError


def test_server_without_a_status_is_down() -> None:
    metrics = Metrics()
    metrics.watch([Broken()], Broken())  # type: ignore[list-item]
    assert scrape_of(metrics).value("mcp_server_up", server="broken") == 0


class Up(Broken):
    def __init__(self, name: str, sessions: int) -> None:
        self.name, self.sessions = name, sessions

    def status(self) -> Any:
        return {"tools": 0, "sessions": self.sessions}


def test_servers_that_are_added_and_removed_are_followed() -> None:
    metrics, servers = Metrics(), {"one": Up("one", 1)}
    registry: Any = servers.values()
    metrics.watch(registry, Up("mcp", 0))
    assert scrape_of(metrics).value("mcp_open_sessions", server="one") == 1
    del servers["one"]
    servers["two"] = Up("two", 2)
    scrape = scrape_of(metrics)
    assert scrape.labels("mcp_server_up") == [{"server": "two"}]
    assert scrape.value("mcp_open_sessions", server="two") == 2


def test_reports_of_other_parts_are_counted() -> None:
    metrics = Metrics()
    metrics.cache_asked("hit", "one", "add")
    metrics.cache_asked("miss", "one", "add")
    metrics.redis_unanswered()
    for by in (1, 1, -1):
        metrics.websockets_changed(by)
    metrics.refused("unauthenticated")
    scrape = scrape_of(metrics)
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="hit") == 1
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="miss") == 1
    assert scrape.value("mcp_redis_unanswered_total") == 1
    assert scrape.value("mcp_websocket_connections") == 1
    assert scrape.value("mcp_refusals_total", reason="unauthenticated") == 1


async def test_unanswered_redis_requests_are_counted() -> None:
    features = turned_on(Settings(metrics="/metrics", redis_url="redis://127.0.0.1:1"), Refusals(), [])
    for _ in range(2):
        with pytest.raises(RedisUnavailable):
            await features.shared.ask(features.shared.client.ping)
    assert scrape_of(features.metrics).value("mcp_redis_unanswered_total") == 2


async def test_duration_of_each_call_is_in_its_bucket() -> None:
    times = iter([0.0, 0.0004, 1.0, 1.02, 2.0, 92.0])
    metrics = Metrics(clock=lambda: next(times))
    handler = chain([metrics])
    for _ in range(3):
        await handler(call_of())
    scrape = scrape_of(metrics)
    within = {bound: scrape.sum(f"{SECONDS}_bucket", le=str(float(bound))) for bound in BUCKETS}
    assert (within[0.0005], within[0.01], within[0.025], within[60]) == (1, 1, 2, 2)
    assert scrape.sum(f"{SECONDS}_bucket", le="+Inf") == 3


async def test_errors_of_a_call_pass_through() -> None:
    async def execute(call: ToolCall) -> ToolResult:
        raise Unavailable("no")

    metrics, call = Metrics(), call_of()
    call.execute = execute
    with pytest.raises(Unavailable):
        await chain([metrics])(call)
    assert scrape_of(metrics).value("mcp_calls_in_flight") == 0


def made_in(folder: Path, monkeypatch: pytest.MonkeyPatch, pid: int) -> Metrics:
    """Returns metrics that count in the folder as the process with this id does."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    monkeypatch.setattr(values, "ValueClass", MultiProcessValue(lambda: pid))  # type: ignore[no-untyped-call]
    return Metrics(str(folder))


async def test_processes_that_count_in_one_folder_are_added_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = (made_in(tmp_path, monkeypatch, pid) for pid in (1, 2))
    for metrics in (one, other, other):
        await chain([metrics])(call_of())
        metrics.refresh()  # otherwise within 50 ms
    one.websockets_changed(1)
    other.websockets_changed(1)
    one.refused("misdirected")
    for metrics in (one, other):
        scrape = scrape_of(metrics)
        assert scrape.value(CALLS, server="one", tool="add", via="call", outcome="ok") == 3
        assert scrape.value(f"{SECONDS}_count", server="one", tool="add") == 3
        assert scrape.value("mcp_websocket_connections") == 2
        assert scrape.value("mcp_calls_in_flight") == 0
        assert scrape.value("mcp_refusals_total", reason="misdirected") == 1
        assert len(scrape.labels("mcp_build_info")) == 1
        assert "process_cpu_seconds_total" not in scrape.names()  # one worker of several would mislead


async def test_dead_process_keeps_its_counts_and_loses_its_connections(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, dead = (made_in(tmp_path, monkeypatch, pid) for pid in (1, 2))
    for metrics in (one, dead):
        metrics.websockets_changed(1)
        metrics.refused("misdirected")
    mark_process_dead(2, str(tmp_path))  # type: ignore[no-untyped-call]
    scrape = scrape_of(one)
    assert scrape.value("mcp_websocket_connections") == 1
    assert scrape.value("mcp_refusals_total", reason="misdirected") == 2


def test_process_with_the_id_of_an_earlier_one_begins_with_nothing_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made_in(tmp_path, monkeypatch, 1).websockets_changed(1)
    assert scrape_of(made_in(tmp_path, monkeypatch, 1)).value("mcp_websocket_connections") == 0
