"""`Metrics` without an application around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest, values
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.values import MultiProcessValue

from gateway.call import ToolCall, ToolResult, chain
from gateway.errors import Unavailable
from gateway.telemetry.metrics import BUCKETS, Metrics
from tests.calls import Known, make_call
from tests.gateway.telemetry.scrape import Scrape

pytestmark = pytest.mark.anyio
CALLS = "mcp_tool_calls_total"
SECONDS = "mcp_call_duration_seconds"


def scrape_of(metrics: Metrics) -> Scrape:
    metrics.refresh()
    return Scrape.of_text(generate_latest(metrics.registry).decode())


def call_of(tool: str = "add") -> ToolCall:
    """Returns a call of a known tool."""
    return make_call(tool, entry=Known(tool))


async def answer(call: ToolCall) -> ToolResult:
    return ToolResult(b"1")


@pytest.mark.slow
async def test_number_of_labels_is_bounded_if_tools_come_and_go() -> None:
    metrics = Metrics(limit=10)
    handler = chain([metrics], answer)
    for number in range(50):
        await handler(call_of(f"tool-{number}"))
    scrape = scrape_of(metrics)
    assert len(scrape.labels(CALLS)) == 11
    assert scrape.value(CALLS, server="one", tool="other", via="call", outcome="ok") == 40
    assert scrape.sum(CALLS) == 50


class Broken:
    name = "broken"
    status = {"status": "ok"}

    @property
    def sessions(self) -> int:
        raise OSError


class Up:
    status = {"status": "ok"}

    def __init__(self, name: str, sessions: int) -> None:
        self.name, self.sessions = name, sessions


class Held:
    """A registry of ready servers, and of one more that is not ready."""

    def __init__(self, *ready: Any, failed: str = "") -> None:
        self.ready, self.failed = ready, failed

    def __iter__(self) -> Iterator[Any]:
        return iter(self.ready)

    def states(self) -> dict[str, str]:
        ready = {server.name: "ready" for server in self.ready}
        return ready | ({self.failed: "failed"} if self.failed else {})


def test_server_that_cannot_tell_its_sessions_is_down() -> None:
    metrics = Metrics()
    metrics.watch(Held(Broken(), Up("one", 0)), int)
    scrape = scrape_of(metrics)
    assert scrape.value("mcp_server_up", server="broken") == 0
    assert scrape.value("mcp_server_up", server="one") == 1


def test_server_that_is_not_ready_is_down() -> None:
    metrics = Metrics()
    metrics.watch(Held(Up("one", 1), failed="two"), int)
    scrape = scrape_of(metrics)
    assert [scrape.value("mcp_server_up", server=name) for name in ("one", "two")] == [1, 0]


def test_servers_that_are_added_and_removed_are_followed() -> None:
    metrics, registry = Metrics(), Held(Up("one", 1))
    metrics.watch(registry, lambda: 3)
    scrape = scrape_of(metrics)
    assert scrape.value("mcp_open_sessions", server="one") == 1
    assert scrape.value("mcp_open_sessions", server="mcp") == 3
    registry.ready = (Up("two", 2),)
    scrape = scrape_of(metrics)
    assert scrape.labels("mcp_server_up") == [{"server": "two"}]
    assert scrape.value("mcp_open_sessions", server="two") == 2


def test_instances_are_reported_of_servers_that_have_several() -> None:
    metrics, one = Metrics(), Up("one", 0)
    metrics.watch(Held(one, Up("two", 0)), int)
    instances = [{"address": "http://a", "state": "ready", "inFlight": 2}]
    one.status = {"status": "ok", "instances": instances}  # type: ignore[dict-item]
    assert scrape_of(metrics).labels("mcp_instance_up") == []
    instances.append({"address": "http://b", "state": "down", "inFlight": 0})
    scrape = scrape_of(metrics)
    assert [scrape.value("mcp_instance_up", server="one", instance=f"http://{name}") for name in "ab"] == [1, 0]
    assert scrape.value("mcp_instance_in_flight", server="one", instance="http://a") == 2


def test_reports_of_other_parts_are_counted() -> None:
    metrics = Metrics()
    metrics.cache_asked("hit", "one", "add")
    metrics.cache_asked("miss", "one", "add")
    metrics.redis_unanswered("refused")
    for by in (1, 1, -1):
        metrics.websockets_changed(by)
    metrics.refused("unauthenticated")
    scrape = scrape_of(metrics)
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="hit") == 1
    assert scrape.value("mcp_cache_requests_total", server="one", tool="add", result="miss") == 1
    assert scrape.value("mcp_redis_unanswered_total", trouble="refused") == 1
    assert scrape.value("mcp_websocket_connections") == 1
    assert scrape.value("mcp_refusals_total", reason="unauthenticated") == 1


async def test_duration_of_each_call_is_in_its_bucket() -> None:
    times = iter([0.0, 0.0004, 1.0, 1.02, 2.0, 92.0])
    metrics = Metrics(clock=lambda: next(times))
    handler = chain([metrics], answer)
    for _ in range(3):
        await handler(call_of())
    scrape = scrape_of(metrics)
    within = {bound: scrape.sum(f"{SECONDS}_bucket", le=str(float(bound))) for bound in BUCKETS}
    assert (within[0.0005], within[0.01], within[0.025], within[60]) == (1, 1, 2, 2)
    assert scrape.sum(f"{SECONDS}_bucket", le="+Inf") == 3


async def test_errors_of_a_call_pass_through() -> None:
    async def execute(call: ToolCall) -> ToolResult:
        raise Unavailable("no")

    metrics = Metrics()
    with pytest.raises(Unavailable):
        await chain([metrics], execute)(call_of())
    assert scrape_of(metrics).value("mcp_calls_in_flight") == 0


def made_in(folder: Path, monkeypatch: pytest.MonkeyPatch, pid: int) -> Metrics:
    """Returns metrics that count in the folder as the process with this id does."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    monkeypatch.setattr(values, "ValueClass", MultiProcessValue(lambda: pid))  # type: ignore[no-untyped-call]
    return Metrics(str(folder))


async def test_processes_that_count_in_one_folder_are_added_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = (made_in(tmp_path, monkeypatch, pid) for pid in (1, 2))
    for metrics in (one, other, other):
        await chain([metrics], answer)(call_of())
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


def test_process_with_an_earlier_id_begins_with_nothing_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made_in(tmp_path, monkeypatch, 1).websockets_changed(1)
    assert scrape_of(made_in(tmp_path, monkeypatch, 1)).value("mcp_websocket_connections") == 0
