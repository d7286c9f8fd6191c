"""Metrics and traces, if settings turn them on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import Route

from features.feature import Features, part
from gateway.aggregate.endpoint import Aggregate
from gateway.errors import LoadError
from gateway.local.discovery import RESERVED
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refusals
from gateway.telemetry.worker_folder import worker_folder
from settings.values import Settings

logger = logging.getLogger(__name__)


def tracing(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.traces:
        try:
            spans = part("gateway.telemetry.tracing", "Tracing")(settings.traces)
        except LoadError as exc:  # these settings are often made for many programs at once
            logger.warning("Traces unavailable: %s", exc)
            return
        features.interceptors.append(spans)
        features.lifetimes.append(spans.opened)
        features.middleware.append(Middleware(part("routes.middleware.trace_parent", "TraceParent")))


def metrics(settings: Settings, refusals: Refusals, features: Features) -> None:
    if not settings.metrics:
        if settings.metrics_port:
            raise LoadError("MCP_METRICS_PORT: set MCP_METRICS=/metrics too, which turns the metrics on")
        return
    features.metrics = counted = part("gateway.telemetry.metrics", "Metrics")(settings.metrics_folder)
    features.interceptors.append(counted)
    features.watchers.append(counted.watch)
    refusals.listeners.append(counted.refused)
    if features.shared is not None:
        features.shared.listeners.append(counted.redis_unanswered)
    _metrics_route(settings, part("routes.metrics", "Metrics")(counted, refusals, settings.metrics_open), features)


def _metrics_route(settings: Settings, endpoint: Any, features: Features) -> None:
    path = settings.metrics
    if settings.metrics_port:
        own = Middleware(part("routes.metrics", "OwnPort"), port=settings.metrics_port, path=path)
        features.middleware.append(own)
    else:
        features.watchers.append(partial(_check_path, path))
    features.routes.append(Route(path, endpoint))


def _check_path(path: str, registry: Registry, aggregate: Aggregate) -> None:
    """Under the first part of a path stands a server, or what no server may be named after."""
    first = path.split("/")[1]
    taken = {*registry.names(), *RESERVED} - {"metrics"}
    if first in taken or first.strip(".").partition(".")[0] in taken - {*registry.names()}:
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

    with worker_folder(settings.metrics_folder) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield partial(mark_process_dead, path=folder)


def _ignore(pid: int) -> None: ...
