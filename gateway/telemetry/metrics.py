"""What is counted and timed, under the names that dashboards and alerts use. Needs `prometheus-client`.

Labels are bounded: servers and tools are those that there are, an unknown name is `unknown`, the rest are fixed words.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector, values
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MultiProcessValue

from gateway import VERSION
from gateway.call import CallNext, ToolCall, ToolResult
from gateway.server import Server
from gateway.telemetry.record import Record
from gateway.telemetry.worker_files import MetricFiles

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REFUSED = frozenset({"forbidden", "rate-limited", "unavailable"})
"""What keeps a call from its tool before it is tried: counted as a refusal too, and not timed."""
UNKNOWN = "unknown"
OTHER = "other"
AGGREGATE = "mcp"  # a name that no server can have
_DELAY = 0.05

_Children = tuple[Callable[[], None], Callable[[float], None] | None]


class Sessions(Protocol):
    @property
    def sessions(self) -> int: ...


class Metrics:
    """An interceptor, and what others tell. `registry` is what a scrape is made from.

    Without a `folder` this process counts for itself; with one, it counts there beside others. At most `limit`
    combinations of labels are kept of calls: tools that come and go beyond that are `other`.
    """

    def __init__(self, folder: str = "", limit: int = 10_000, clock: Callable[[], float] = time.perf_counter) -> None:
        self.registry = CollectorRegistry()
        self._files = MetricFiles(folder) if folder else None
        self._state = _State()
        self.registry.register(self._state)
        own = self._counted_in(self._files)
        tool = ("server", "tool")
        self._calls = Counter("mcp_tool_calls", "Calls, by what came of them", (*tool, "via", "outcome"), registry=own)
        self._seconds = Histogram(
            "mcp_call_duration_seconds", "How long calls took", tool, buckets=BUCKETS, registry=own
        )
        self._in_flight = Gauge("mcp_calls_in_flight", "Calls under way", registry=own, multiprocess_mode="livesum")
        self._asked = Counter("mcp_cache_requests", "Look-ups in the cache", (*tool, "result"), registry=own)
        self._refusals = Counter("mcp_refusals", "Requests and calls refused", ("reason",), registry=own)
        self._unanswered = Counter("mcp_redis_unanswered", "Requests that Redis did not answer", registry=own)
        self._connections = Gauge(
            "mcp_websocket_connections", "Open WebSocket connections", registry=own, multiprocess_mode="livesum"
        )
        self._under_way = 0
        self._is_told_soon = False
        self._limit = limit
        self._children: dict[tuple[str, str, str, str], _Children] = {}
        self._record = Record(self._count, clock)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        self._change(1)
        try:
            return await self._record(call, call_next)
        finally:
            self._change(-1)

    def watch(self, servers: Iterable[Server], aggregate: Sessions) -> None:
        """Whose state is told."""
        self._state.watch(servers, aggregate)

    def look(self) -> None:
        """Take up the state of now: in the event loop, before a scrape is made from `registry` in any thread."""
        self._state.look()
        self._tell()
        if self._files is not None:
            self._files.forget_the_dead()

    def refused(self, reason: str) -> None:
        self._refusals.labels(reason).inc()

    def redis_unanswered(self) -> None:
        self._unanswered.inc()

    def cache_asked(self, result: str, server: str, tool: str) -> None:
        """`result` is `hit`, `miss` or `bypass`; the tool is one that there is."""
        self._asked.labels(server, tool, result).inc()

    def websockets_changed(self, by: int) -> None:
        self._connections.inc(by)

    def _counted_in(self, files: MetricFiles | None) -> CollectorRegistry | None:
        """The registry of what this process counts: none where the files are read instead."""
        if files is None:
            ProcessCollector(registry=self.registry)
            GCCollector(registry=self.registry)
            return self.registry
        number = files.number
        values.ValueClass = MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
        MultiProcessCollector(self.registry, files.folder)  # type: ignore[no-untyped-call]
        return None

    def _change(self, by: int) -> None:
        """Other workers hear of it within 50 ms: to write it down twice in each call would cost as much as the rest."""
        self._under_way += by
        if self._files is not None and not self._is_told_soon:
            self._is_told_soon = True
            asyncio.get_running_loop().call_later(_DELAY, self._tell)

    def _tell(self) -> None:
        self._is_told_soon = False
        self._in_flight.set(self._under_way)

    def _count(self, call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        key = (call.server, call.tool if call.plan is not None else UNKNOWN, call.via, outcome)
        count, observe = self._children.get(key) or self._add(key)
        count()
        if observe is not None:
            observe(seconds)
        else:
            self.refused(outcome)

    def _add(self, key: tuple[str, str, str, str]) -> _Children:
        server, _, via, outcome = key
        if len(self._children) >= self._limit:
            key = (server, OTHER, via, outcome)
        labels = (server or UNKNOWN, *key[1:])
        observe = None if outcome in REFUSED else self._seconds.labels(*labels[:2]).observe
        self._children[key] = children = (self._calls.labels(*labels).inc, observe)
        return children


class _State(Collector):
    """What is not counted but looked at: whether servers are up, their open sessions, and what this program is."""

    def __init__(self) -> None:
        self._servers: list[Server] = []
        self._aggregate: Sessions | None = None
        self._seen: dict[str, int | None] = {}

    def watch(self, servers: Iterable[Server], aggregate: Sessions) -> None:
        self._servers, self._aggregate = [*servers], aggregate

    def look(self) -> None:
        self._seen = {server.name: _sessions(server) for server in self._servers}

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("mcp_server_up", "Whether the server can be called", labels=["server"])
        sessions = GaugeMetricFamily("mcp_open_sessions", "Open MCP sessions", labels=["server"])
        for server, count in self._seen.items():
            up.add_metric([server], count is not None)
            sessions.add_metric([server], count or 0)
        if self._aggregate is not None:
            sessions.add_metric([AGGREGATE], self._aggregate.sessions)
        about = {"version": VERSION, "python": platform.python_version(), "mcp": version("mcp")}
        return [up, sessions, InfoMetricFamily("mcp_build", "What is running", value=about)]


def _sessions(server: Server) -> int | None:
    try:
        return server.status()["sessions"]
    except Exception:  # whatever stands behind the server: one that cannot tell is not up
        return None
