"""What is off until a setting turns it on: only then is it imported, and only then does it take part in a call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gateway.call import Interceptor
from gateway.caller import Caller, caller
from gateway.errors import LoadError
from gateway.names import Names
from gateway.refusals import Refusals
from gateway.registry import Registry
from settings import Settings

Lifetime = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Features:
    """Each list in the order in which its parts act. `inner` is next to the tool, inside of capacity and timeout.
    `streams` are told when the process ends. `enter` makes known who has proved to be whom."""

    middleware: list[Middleware] = field(default_factory=list)
    interceptors: list[Interceptor] = field(default_factory=list)
    inner: list[Interceptor] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    lifetimes: list[Lifetime] = field(default_factory=list)
    shared: Any = None
    streams: list[Any] = field(default_factory=list)
    sockets: Any = None
    authenticator: Any = None
    enter: Callable[[Caller], Any] = caller.set

    def served(self, registry: Registry, names: Names) -> list[BaseRoute]:
        """What the features answer, where the servers are known."""
        if self.sockets is None:
            return self.routes
        return [*self.routes, *self.sockets.routes(registry, names, self.authenticator, self.enter)]


def turned_on(settings: Settings, refusals: Refusals) -> Features:
    """Raises LoadError where what a feature needs is not installed, or cannot be used."""
    features = Features()
    for feature in (_shared, _address, _websocket):
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
