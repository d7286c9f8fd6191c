"""The call log, metrics and traces: `LOG_LEVEL`, `MCP_METRICS`, and OpenTelemetry's own variables."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from starlette.middleware import Middleware
from starlette.routing import Route

from features.feature import Feature, optional_packages
from gateway.errors import LoadError
from gateway.naming import RESERVED
from gateway.servers.registry import Registry
from gateway.telemetry.call_log import CallLog
from gateway.telemetry.loop_watchdog import LoopWatchdog
from gateway.telemetry.record import Record, Write
from gateway.telemetry.refusals import Refused
from settings.exporters import span_exporters
from settings.values import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(Feature):
    """The counters to which other parts report, as their listeners."""

    refusal_listeners: Sequence[Callable[[str], None]] = ()
    redis_listeners: Sequence[Callable[[str], None]] = ()
    cache_listeners: Sequence[Callable[[str, str, str], None]] = ()
    socket_listeners: Sequence[Callable[[int], None]] = ()
    lag_listeners: Sequence[Callable[[float], None]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogged(Feature):
    """`writes` take the record of each call."""

    writes: Sequence[Write] = ()


def call_log(settings: Settings, *, with_versions: bool = False) -> CallLogged:
    """Writes a line for each call to standard error: `LOG_LEVEL`, `LOG_FORMAT`, `LOG_ARGUMENTS`."""
    if settings.log_level not in ("debug", "info"):
        return CallLogged()
    calls = CallLog(sys.stderr, settings.log_format, with_arguments=settings.log_arguments, with_versions=with_versions)
    return CallLogged(interceptors=[Record(calls)], lifetimes=[calls.opened], writes=[calls])


def tracing(settings: Settings) -> Feature:
    """Is off, with a warning, if a package is missing: these variables are often set for many programs at once."""
    exporters = span_exporters(settings)
    if not exporters:
        return Feature()
    try:
        with optional_packages(_setting_of_traces(settings)):
            from gateway.telemetry.tracing import Tracing
            from routes.middleware.trace_parent import TraceParent
    except LoadError as exc:
        logger.warning("Traces unavailable: %s", exc)
        return Feature()
    spans = Tracing(exporters)
    return Feature(interceptors=[spans], middleware=[Middleware(TraceParent)], lifetimes=[spans.opened])


def _setting_of_traces(settings: Settings) -> str:
    if settings.traces_exporter:
        return "OTEL_TRACES_EXPORTER"
    return "OTEL_EXPORTER_OTLP_ENDPOINT" if settings.otlp_endpoint else "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def metrics(
    settings: Settings,
    servers: Sequence[str],
    registry: Registry,
    aggregate_sessions: Callable[[], int],
    refused: Refused,
    *,
    with_versions: bool = False,
) -> Metrics:
    """Raises LoadError if a package is missing, or if the path or the folder cannot be used."""
    if not settings.metrics:
        if settings.metrics_port:
            raise LoadError("MCP_METRICS_PORT: set MCP_METRICS=/metrics too, which turns the metrics on")
        return Metrics()
    if not settings.metrics_port:
        _check_path(settings.metrics, servers)
    with optional_packages("MCP_METRICS"):
        from gateway.telemetry.metrics import Metrics as Counters
        from routes.metrics import Metrics as Endpoint
        from routes.metrics import OwnPort
    counters = Counters(settings.metrics_folder, with_versions=with_versions)
    counters.watch(registry, aggregate_sessions)
    own_port = Middleware(OwnPort, port=settings.metrics_port, path=settings.metrics)
    return Metrics(
        interceptors=[counters],
        middleware=[own_port] if settings.metrics_port else [],
        routes=[Route(settings.metrics, Endpoint(counters, refused, settings.metrics_open))],
        refusal_listeners=[counters.refused],
        redis_listeners=[counters.redis_unanswered],
        cache_listeners=[counters.cache_asked],
        socket_listeners=[counters.websockets_changed],
        lag_listeners=[counters.loop_lagged],
    )


def watchdog(counted: Metrics) -> Feature:
    """Names the code that blocks the event loop. It watches while the servers are open, and not their start."""
    dog = LoopWatchdog()
    dog.listeners.extend(counted.lag_listeners)
    return Feature(lifetimes=[dog.opened])


def _check_path(path: str, servers: Sequence[str]) -> None:
    """Raises LoadError if the path is under a server's name, or under another URL."""
    first = path.split("/")[1]
    reserved = RESERVED - {"metrics"}
    if first in {*servers} | reserved or first.strip(".").partition(".")[0] in reserved:
        raise LoadError(
            f"MCP_METRICS={path!r}: /{first} is taken; use /metrics, or a port of its own: MCP_METRICS_PORT"
        )


@contextmanager
def worker_metrics(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Provides the folder in which the workers to be started count, and a function to call when one has exited.

    The function takes the process id: calls in flight and connections of that worker are no longer counted.

    Raises:
        LoadError: the folder cannot be used.
    """
    if not settings.metrics or settings.workers == 1:
        yield _ignore
        return
    from prometheus_client.multiprocess import mark_process_dead

    from gateway.telemetry.worker_folder import worker_folder

    with worker_folder(settings.metrics_folder) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield partial(mark_process_dead, path=folder)


def _ignore(pid: int) -> None: ...
