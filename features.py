"""What is off until a setting turns it on: only then is it imported, and only then does it take part in a call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from gateway.aggregate import Aggregate
from gateway.call import Interceptor
from gateway.discovery import RESERVED
from gateway.errors import LoadError
from gateway.names import Names
from gateway.refusals import Refusals
from gateway.registry import Registry
from settings import Settings

logger = logging.getLogger(__name__)
Lifetime = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Features:
    """Each list in the order in which its parts act. `inner` is next to the tool, inside of capacity and timeout.

    `watchers` are told what is served, when it is known; `streams`, when the process ends. The rest is there where it
    is on.
    """

    middleware: list[Middleware] = field(default_factory=list)
    interceptors: list[Interceptor] = field(default_factory=list)
    inner: list[Interceptor] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    lifetimes: list[Lifetime] = field(default_factory=list)
    watchers: list[Callable[[Registry, Aggregate], None]] = field(default_factory=list)
    streams: list[Any] = field(default_factory=list)
    shared: Any = None
    authenticator: Any = None
    access: Any = None
    metrics: Any = None
    sockets: Any = None

    def served(self, registry: Registry, names: Names) -> list[BaseRoute]:
        """What the features answer, where the servers are known."""
        sockets = self.sockets.routes(registry, names, self.authenticator) if self.sockets is not None else []
        return [*self.routes, *sockets]

    def watch(self, registry: Registry, aggregate: Aggregate) -> None:
        """Raises LoadError where a feature cannot be had beside what is served."""
        for watcher in self.watchers:
            watcher(registry, aggregate)


def turned_on(settings: Settings, refusals: Refusals) -> Features:
    """Raises LoadError where what a feature needs is not installed, or cannot be used."""
    features = Features()
    for feature in (_shared, _address, _tracing, _metrics, _authentication, _authorization, _rate_limit, _websocket):
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


def _authentication(settings: Settings, refusals: Refusals, features: Features) -> None:
    if not settings.auth_keys and not settings.auth_issuer:
        return
    failures = part("gateway.failures", "Failures")(settings.auth_max_failures)
    authenticator = part("gateway.authenticator", "Authenticator")
    features.authenticator = authenticator(_verifiers(settings), failures, settings.destructive_scope)
    metadata = part("routes.metadata", "Metadata")(settings.public_url, settings.auth_issuer)
    features.middleware.append(
        Middleware(
            part("routes.authenticate", "Authenticate"),
            authenticator=features.authenticator,
            metadata=metadata,
            refused=refusals,
            open_paths=(settings.metrics,) if settings.metrics_open else (),
        )
    )
    features.routes += metadata.routes()


def _verifiers(settings: Settings) -> list[Any]:
    """One for each kind of credential."""
    found = []
    if settings.auth_keys:
        found.append(part("gateway.keyring", "Keyring")(Path(settings.auth_keys)))
    if settings.auth_issuer:
        found.append(part("gateway.tokens", "tokens_of")(settings.auth_issuer, settings.auth_audience))
    return found


def _authorization(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.auth_keys or settings.auth_issuer:
        features.interceptors.append(part("gateway.authorization", "Authorization")())
        challenge = partial(part("routes.challenge", "Challenge"), max_body=settings.max_body)
        features.access = part("gateway.native_access", "NativeAccess")(challenge)


def _rate_limit(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.rate_limit:
        rules = part("gateway.rate_rules", "Rules")(settings.rate_limit)
        if features.shared is None:
            storage = part("gateway.rate_memory", "MemoryWindows")(settings.rate_limit_callers * rules.limits)
        else:
            is_open = settings.rate_limit_without_redis == "open"
            storage = part("gateway.rate_redis", "RedisWindows")(features.shared, is_open)
        features.interceptors.append(part("gateway.rate_limit", "RateLimit")(rules, storage))


def _websocket(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.websocket:
        limits = part("routes.connection", "SocketLimits")(
            connections=settings.ws_max_connections,
            in_flight=settings.ws_max_in_flight,
            frame=settings.max_body,
            idle=settings.ws_idle_timeout,
            authentication=settings.ws_auth_timeout,
        )
        features.sockets = part("routes.websocket", "WebSockets")(limits, refusals)
        features.streams.append(features.sockets)


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
    _metrics_route(settings, part("routes.metrics", "Metrics")(metrics, refusals, settings.metrics_open), features)


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
