"""What is off until a setting turns it on: only then is it imported, and only then does it take part in a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gateway import sdk
from gateway.call import Interceptor
from gateway.errors import LoadError
from gateway.refusals import Refusals
from settings import Settings

Lifetime = Callable[[], AbstractAsyncContextManager[None]]


@dataclass
class Features:
    """Each list in the order in which its parts act. `inner` is next to the tool, inside of capacity and timeout."""

    servers: Sequence[tuple[str, MCPServer[Any]]] = ()
    middleware: list[Middleware] = field(default_factory=list)
    interceptors: list[Interceptor] = field(default_factory=list)
    inner: list[Interceptor] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    lifetimes: list[Lifetime] = field(default_factory=list)
    shared: Any = None
    cache: Any = None


def turned_on(settings: Settings, refusals: Refusals, servers: Sequence[tuple[str, MCPServer[Any]]]) -> Features:
    """Raises LoadError where what a feature needs is not installed, or cannot be used."""
    features = Features(servers)
    for feature in (_shared, _address, _cache):
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


def _cache(settings: Settings, refusals: Refusals, features: Features) -> None:
    tools = [(name, tool.name, tool.meta) for name, mcp in features.servers for tool in sdk.tool_table(mcp).values()]
    if not any("cache" in (meta or {}) for _, _, meta in tools):
        return
    part("gateway.cache_mark", "check")(tools)
    if features.shared is not None:
        store = part("gateway.cache_redis", "RedisStore")(features.shared)
        features.lifetimes.append(store.opened)
    else:
        store = part("gateway.cache_memory", "MemoryStore")(settings.cache_entries, settings.cache_max_bytes)
    features.cache = part("gateway.cache", "Cache")(store, settings.cache_max_bytes // 8)
    features.inner.append(features.cache)
    features.middleware.append(Middleware(part("routes.cache_headers", "CacheHeaders")))
