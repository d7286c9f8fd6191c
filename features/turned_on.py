"""What is off until a setting turns it on: only then is it imported, and only then does it take part in a call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.middleware import Middleware

from features.feature import Features, part
from features.telemetry import metrics, tracing
from gateway.sdk import internals as sdk
from gateway.telemetry.refusals import Refusals
from settings.values import Settings


def turned_on(settings: Settings, refusals: Refusals, servers: Sequence[tuple[str, MCPServer[Any]]]) -> Features:
    """Raises LoadError where what a feature needs is not installed, or cannot be used."""
    features = Features(servers)
    guards = (_authentication, _authorization, _rate_limit)
    for feature in (_shared, _address, tracing, metrics, *guards, _cache, _websocket):
        feature(settings, refusals, features)
    return features


def _shared(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.redis_url:
        features.shared = part("gateway.redis", "RedisClient")(settings.redis_url)
        features.lifetimes.append(features.shared.opened)


def _address(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.rate_limit or settings.auth_keys or settings.auth_issuer:
        features.middleware.append(
            Middleware(part("routes.middleware.address", "Address"), trusted=settings.trusted_proxies)
        )


def _authentication(settings: Settings, refusals: Refusals, features: Features) -> None:
    if not settings.auth_keys and not settings.auth_issuer:
        return
    authenticator = part("gateway.auth.authenticator", "Authenticator")
    features.authenticator = authenticator(_verifiers(settings), settings.destructive_scope)
    features.enter = part("gateway.auth.principal", "set_caller")
    metadata = part("routes.middleware.metadata", "Metadata")(settings.public_url, settings.auth_issuer)
    features.middleware.append(
        Middleware(
            part("routes.middleware.authenticate", "Authenticate"),
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
        found.append(part("gateway.auth.api_keys", "Keyring")(Path(settings.auth_keys)))
    if settings.auth_issuer:
        issuer = (settings.auth_issuer, settings.auth_audience)
        found.append(part("gateway.auth.access_tokens", "AccessTokens").from_settings(*issuer))
    return found


def _authorization(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.auth_keys or settings.auth_issuer:
        features.interceptors.append(part("gateway.auth.authorization", "Authorization")())
        challenge = partial(part("routes.native.challenge", "Challenge"), max_body=settings.max_body)
        features.access = part("gateway.auth.native_access", "NativeAccess")(challenge)


def _rate_limit(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.rate_limit:
        rules = part("gateway.limits.rate_rules", "Rules")(settings.rate_limit)
        if features.shared is None:
            most = part("gateway.limits.rate_memory", "MAX_CALLERS") * rules.window_count
            storage = part("gateway.limits.rate_memory", "MemoryWindows")(most)
        else:
            is_open = settings.rate_limit_without_redis == "open"
            storage = part("gateway.limits.rate_redis", "RedisWindows")(features.shared, is_open)
        features.interceptors.append(part("gateway.limits.rate_limit", "RateLimit")(rules, storage))


def _cache(settings: Settings, refusals: Refusals, features: Features) -> None:
    tools = [(name, tool.name, tool.meta) for name, mcp in features.servers for tool in sdk.tool_table(mcp).values()]
    if not any("cache" in (meta or {}) for _, _, meta in tools):
        return
    part("gateway.cache.policy", "check")(tools)
    if features.shared is not None:
        store = part("gateway.cache.redis", "RedisStore")(features.shared)
    else:
        store = part("gateway.cache.memory", "MemoryStore")(settings.cache_max_bytes)
    cache = part("gateway.cache.interceptor", "Cache")(store, settings.cache_max_bytes // 8)
    features.inner.append(cache)
    if features.metrics is not None:
        cache.listeners.append(features.metrics.cache_asked)
    features.middleware.append(Middleware(part("routes.middleware.cache_headers", "CacheHeaders")))


def _websocket(settings: Settings, refusals: Refusals, features: Features) -> None:
    if settings.websocket:
        limits = part("routes.websocket.connection", "SocketLimits")(frame=settings.max_body)
        features.sockets = part("routes.websocket.endpoint", "WebSockets")(limits, refusals)
        features.streams.append(features.sockets)
        if features.metrics is not None:
            features.sockets.listeners.append(features.metrics.websockets_changed)
