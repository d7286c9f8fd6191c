"""What is imported only where a setting turns it on, and what it adds to the application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gateway.aggregate.endpoint import Aggregate
from gateway.call import Interceptor
from gateway.caller import Caller, caller
from gateway.errors import LoadError
from gateway.servers.names import Names
from gateway.servers.registry import Registry

Lifetime = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Features:
    """Each list in the order in which its parts act. `inner` is next to the tool, inside of capacity and timeout.

    `watchers` are told what is served, when it is known; `streams`, when the process ends. `enter` makes known
    who has proved to be whom. The rest is there where it is on.
    """

    servers: Sequence[tuple[str, MCPServer[Any]]] = ()
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
    enter: Callable[[Caller], Any] = caller.set

    def served(self, registry: Registry, names: Names) -> list[BaseRoute]:
        """What the features answer, where the servers are known."""
        if self.sockets is None:
            return self.routes
        return [*self.routes, *self.sockets.routes(registry, names, self.authenticator, self.enter)]

    def watch(self, registry: Registry, aggregate: Aggregate) -> None:
        """Raises LoadError where a feature cannot be had beside what is served."""
        for watcher in self.watchers:
            watcher(registry, aggregate)


def part(module: str, name: str) -> Any:
    """A class or a function of an optional module."""
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as exc:
        what = "`make optional` installs it, and so does pip install -r requirements-optional.txt"
        raise LoadError(f"{module} needs the package {exc.name!r}, which is not there; {what}") from exc
