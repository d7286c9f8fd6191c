"""Counters, gauges and histograms under the names that dashboards and alerts use. Needs `prometheus-client`.

Labels are bounded: servers and tools are those that exist, any other name is `unknown`, the rest are fixed words.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway import VERSION
from gateway.call import CallNext, ToolCall, ToolResult
from gateway.server import Server
from gateway.telemetry.instances import of_instances
from gateway.telemetry.record import Record
from gateway.telemetry.worker_folder import make_folder

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REFUSED = frozenset({"forbidden", "rate-limited", "unavailable"})
"""Outcomes of calls that never reached their tool: counted as refusals too, and not timed."""
NO_VERSION = "-"
"""The version of a tool that has none, if others have."""

UNKNOWN = "unknown"
OTHER = "other"
AGGREGATE = "mcp"  # a name that no server can have
_PUBLISH_DELAY = 0.05

_Key = tuple[str, str, str, str, str]
"""The server, the tool, its version, the way in and the outcome of calls that are counted together."""

_Children = tuple[Callable[[], None], Callable[[float], None] | None]


class Servers(Protocol):
    """The registry: the servers that are ready, and the names of all."""

    def __iter__(self) -> Iterator[Server]: ...

    def states(self) -> Mapping[str, str]: ...


class Metrics(Collector):
    """An interceptor that counts and times calls, with methods by which other parts report. A scrape reads `registry`.

    Without a `folder` this process counts alone; with one, it counts there beside other processes. At most `limit`
    combinations of labels are stored for calls: further tools are `other`.

    Raises:
        LoadError: the folder cannot be used.
    """

    def __init__(
        self,
        folder: str = "",
        limit: int = 10_000,
        clock: Callable[[], float] = time.perf_counter,
        *,
        with_versions: bool = False,
    ) -> None:
        self.registry = CollectorRegistry()
        self._is_shared = bool(folder)
        self.registry.register(self)
        self._servers: Servers | None = None
        self._aggregate_sessions: Callable[[], int] = int
        self._sessions: dict[str, int | None] = {}
        self._failing: set[str] = set()
        self._instances: dict[str, Sequence[Mapping[str, Any]]] = {}
        own = self._own_registry(folder)
        tool = ("server", "tool", "version") if with_versions else ("server", "tool")
        self._calls = Counter("mcp_tool_calls", "Calls, by outcome", (*tool, "via", "outcome"), registry=own)
        self._seconds = Histogram("mcp_call_duration_seconds", "Duration of calls", tool, buckets=BUCKETS, registry=own)
        self._in_flight = Gauge("mcp_calls_in_flight", "Calls in flight", registry=own, multiprocess_mode="livesum")
        self._cache_requests = Counter("mcp_cache_requests", "Cache look-ups", (*tool[:2], "result"), registry=own)
        self._refusals = Counter("mcp_refusals", "Requests and calls refused", ("reason",), registry=own)
        self._unanswered = Counter("mcp_redis_unanswered", "Requests that Redis failed", ("trouble",), registry=own)
        self._connections = Gauge(
            "mcp_websocket_connections", "Open WebSocket connections", registry=own, multiprocess_mode="livesum"
        )
        for trouble in ("away", "refused"):
            self._unanswered.labels(trouble)  # a rate can be taken of a series that begins with 0 alone
        help_text = "Longest delay of the event loop in the last minute"
        self._lag = Gauge("mcp_event_loop_lag_seconds", help_text, registry=own, multiprocess_mode="livemax")
        for gauge in (self._in_flight, self._connections, self._lag):
            gauge.set(0)  # an earlier process with this process id may have left its file
        self._in_flight_count, self._publish_is_due = 0, False
        self._limit, self._with_versions = limit, with_versions
        self._children: dict[_Key, _Children] = {}
        self._record = Record(self._count, clock)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        self._change_in_flight(1)
        try:
            return await self._record(call, call_next)
        finally:
            self._change_in_flight(-1)

    def watch(self, servers: Servers, aggregate_sessions: Callable[[], int]) -> None:
        """Reports the state of these servers, which are asked at each scrape."""
        self._servers, self._aggregate_sessions = servers, aggregate_sessions

    def refresh(self) -> None:
        """Reads the present state. Call it in the event loop; then any thread may make a scrape of `registry`."""
        if self._servers is not None:
            self._sessions = dict.fromkeys(self._servers.states())
            self._sessions |= {server.name: _sessions(server) for server in self._servers}
            statuses = {server.name: server.status for server in self._servers}
            self._failing = {name for name, status in statuses.items() if status["status"] == "failing"}
            self._instances = {name: status.get("instances", ()) for name, status in statuses.items()}
        self._publish_in_flight()

    def collect(self) -> Iterable[Metric]:
        """Returns the values that are not counted: which servers are up, their open sessions, the versions."""
        up = GaugeMetricFamily("mcp_server_up", "1 if the server can be called", labels=["server"])
        sessions = GaugeMetricFamily("mcp_open_sessions", "Open MCP sessions", labels=["server"])
        for server, count in self._sessions.items():
            up.add_metric([server], count is not None and server not in self._failing)
            sessions.add_metric([server], count or 0)
        if self._servers is not None:
            sessions.add_metric([AGGREGATE], self._aggregate_sessions())
        about = {"version": VERSION, "python": platform.python_version(), "mcp": version("mcp")}
        info = InfoMetricFamily("mcp_build", "Versions of what is running", value=about)
        return [up, sessions, info, *of_instances(self._instances)]

    def refused(self, reason: str) -> None:
        self._refusals.labels(reason).inc()

    def redis_unanswered(self, trouble: str) -> None:
        """Counts a request that Redis did not answer (`away`) or refused (`refused`)."""
        self._unanswered.labels(trouble).inc()

    def cache_asked(self, result: str, server: str, tool: str) -> None:
        """Counts a look-up. `result` is `hit`, `miss` or `bypass`; the tool must exist, as its name becomes a label."""
        self._cache_requests.labels(server, tool, result).inc()

    def websockets_changed(self, by: int) -> None:
        self._connections.inc(by)

    def loop_lagged(self, seconds: float) -> None:
        """Takes the longest delay of the event loop in the last minute, from any thread."""
        self._lag.set(seconds)

    def _own_registry(self, folder: str) -> CollectorRegistry | None:
        """Returns the registry of this process's own metrics. It is None if a scrape reads the folder instead."""
        if not folder:
            ProcessCollector(registry=self.registry)
            GCCollector(registry=self.registry)
            return self.registry
        make_folder(folder)
        MultiProcessCollector(self.registry, folder)  # type: ignore[no-untyped-call]
        return None

    def _change_in_flight(self, by: int) -> None:
        self._in_flight_count += by
        # Written to the shared file at most once in 50 ms: two writes a call would cost as much as all the rest here.
        if self._is_shared and not self._publish_is_due:
            self._publish_is_due = True
            asyncio.get_running_loop().call_later(_PUBLISH_DELAY, self._publish_in_flight)

    def _publish_in_flight(self) -> None:
        self._publish_is_due = False
        self._in_flight.set(self._in_flight_count)

    def _count(self, call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        version = call.entry.version if self._with_versions and call.entry is not None else ""
        key = (call.server, call.tool if call.entry is not None else UNKNOWN, version, call.via, outcome)
        count, observe = self._children.get(key) or self._add(key)
        count()
        if observe is not None:
            observe(seconds)
        else:
            self.refused(outcome)

    def _add(self, key: _Key) -> _Children:
        server, _, _, via, outcome = key
        if len(self._children) >= self._limit:
            key = (server, OTHER, "", via, outcome)
        which = (server or UNKNOWN, key[1], *([key[2] or NO_VERSION] if self._with_versions else []))
        observe = None if outcome in REFUSED else self._seconds.labels(*which).observe
        self._children[key] = children = (self._calls.labels(*which, via, outcome).inc, observe)
        return children


def _sessions(server: Server) -> int | None:
    try:
        return server.sessions
    except Exception:  # a server may raise anything; if it cannot tell its sessions, it is reported as down
        return None
