"""What is off until a setting turns it on: only then is it imported, and only then does it take part in a call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from gateway.aggregate import Aggregate
from gateway.call import Interceptor
from gateway.discovery import RESERVED
from gateway.errors import LoadError
from gateway.refusals import Refusals
from gateway.registry import Registry
from settings import Settings

logger = logging.getLogger(__name__)
Lifetime = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Features:
    """Each list in the order in which its parts act. `inner` is next to the tool, inside of capacity and timeout.

    `watchers` are told what is served, when it is known. `metrics` and `shared` are there where they are on.
    """

    middleware: list[Middleware] = field(default_factory=list)
    interceptors: list[Interceptor] = field(default_factory=list)
    inner: list[Interceptor] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    lifetimes: list[Lifetime] = field(default_factory=list)
    watchers: list[Callable[[Registry, Aggregate], None]] = field(default_factory=list)
    shared: Any = None
    metrics: Any = None

    def watch(self, registry: Registry, aggregate: Aggregate) -> None:
        """Raises LoadError where a feature cannot be had beside what is served."""
        for watcher in self.watchers:
            watcher(registry, aggregate)


def turned_on(settings: Settings, refusals: Refusals) -> Features:
    """Raises LoadError where what a feature needs is not installed, or cannot be used."""
    features = Features()
    for feature in (_shared, _address, _tracing, _metrics):
        feature(settings, refusals, features)
    return features


def part(module: str, name: str) -> Any:
    """A class or a function of an optional module."""
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as exc:
        what = "`make optional` installs it, and so does pip install -r requirements-optional.txt"
        raise LoadError(f"{module} needs the package {exc.name!r}, which is not there; {what}") from exc


def _shared(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.redis_url:
        features.shared = part("gateway.shared", "Shared")(settings.redis_url)
        features.lifetimes.append(features.shared.opened)


def _address(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.rate_limit or settings.auth_keys or settings.auth_issuer:
        features.middleware.append(Middleware(part("routes.address", "Address"), trusted=settings.trusted_proxies))


def _tracing(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.traces:
        try:
            tracing = part("gateway.tracing", "Tracing")(settings.traces)
        except LoadError as exc:  # these settings are often made for many programs at once
            logger.warning("no traces: %s", exc)
            return
        features.interceptors.append(tracing)
        features.lifetimes.append(tracing.opened)
        features.middleware.append(Middleware(part("routes.trace_parent", "TraceParent")))


def _metrics(settings: Settings, refusals: Refusals, features: Features) -> None:
    if not settings.metrics:
        if settings.metrics_port:
            raise LoadError("MCP_METRICS_PORT: set MCP_METRICS=/metrics too, which turns the metrics on")
        return
    features.metrics = metrics = part("gateway.metrics", "Metrics")(settings.metrics_folder)
    features.interceptors.append(metrics)
    features.watchers.append(metrics.watch)
    refusals.listeners.append(metrics.refused)
    if features.shared is not None:
        features.shared.listeners.append(metrics.redis_unanswered)
    _metrics_route(settings, part("routes.metrics", "Metrics")(metrics, refusals), features)


def _metrics_route(settings: Settings, endpoint: Any, features: Features) -> None:
    """Where they are open, they are answered in front of authentication, which is appended after this."""
    path = settings.metrics
    if settings.metrics_port:
        own = Middleware(part("routes.metrics", "OwnPort"), port=settings.metrics_port, path=path)
        features.middleware.append(own)
    else:
        features.watchers.append(partial(_check_path, path))
    if settings.metrics_open:
        features.middleware.append(Middleware(part("routes.metrics", "Open"), path=path, metrics=endpoint))
    else:
        features.routes.append(Route(path, endpoint))


def _check_path(path: str, registry: Registry, aggregate: Aggregate) -> None:
    """Under the first part of a path stands a server, or what no server may be named after."""
    first = path.split("/")[1]
    taken = {*registry.names(), *RESERVED} - {"metrics"}
    if first in taken or first.strip(".").partition(".")[0] in taken - {*registry.names()}:
        raise LoadError(
            f"MCP_METRICS={path!r}: /{first} is taken; use /metrics, or a port of its own: MCP_METRICS_PORT"
        )
