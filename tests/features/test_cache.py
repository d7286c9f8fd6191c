"""The cache, which is on if a tool asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from features.cache import cache
from features.feature import Feature
from features.local import Found
from features.redis import redis
from gateway.errors import LoadError
from settings.values import Settings
from tests.features.made import names_of


def found(*metas: dict[str, Any] | None) -> Found:
    """Returns one server for each `meta`, each with a tool that declares it."""

    async def nothing() -> None: ...

    servers: dict[str, MCPServer[Any]] = {}
    for number, meta in enumerate(metas):
        mcp: MCPServer[Any] = MCPServer(f"server{number}")
        mcp.add_tool(nothing, meta=meta)
        servers[mcp.name] = mcp
    return Found(servers)


def test_cache_is_off_unless_a_tool_asks_for_it() -> None:
    for servers in (Found(), found(None), found(None, {"other": 1})):
        assert cache(Settings(), servers, None, []) == Feature()


def test_one_tool_of_any_server_turns_the_cache_on() -> None:
    on = cache(Settings(), found(None, {"cache": {"ttl": 60}}), None, [])
    assert (names_of(on.interceptors), names_of(on.middleware)) == (["Cache"], ["CacheHeaders"])
    assert (on.routes, on.lifetimes) == ((), ())


def test_results_are_stored_in_redis_if_it_is_on() -> None:
    servers = found({"cache": {"ttl": 60}})
    client = redis(Settings(redis_url="redis://127.0.0.1:1"), servers).client
    stores = []
    for each in (None, client):
        (interceptor,) = cache(Settings(), servers, each, []).interceptors
        stores.append(type(interceptor._store).__name__)  # type: ignore[attr-defined]
    assert stores == ["MemoryStore", "RedisStore"]


def test_look_ups_are_reported_to_the_listeners() -> None:
    seen: list[tuple[str, str, str]] = []

    def count(result: str, server: str, tool: str) -> None:
        seen.append((result, server, tool))

    (interceptor,) = cache(Settings(), found({"cache": {"ttl": 60}}), None, [count]).interceptors
    assert interceptor.listeners == [count]  # type: ignore[attr-defined]


def test_invalid_cache_option_of_a_tool_is_a_load_error() -> None:
    with pytest.raises(LoadError, match=r"server 'server1', tool 'nothing': `cache\.ttl` must be seconds"):
        cache(Settings(), found(None, {"cache": {"ttl": -1}}), None, [])
