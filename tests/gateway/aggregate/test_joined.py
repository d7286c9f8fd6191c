"""The joint answers of all servers: hints for caches, log levels, instructions, extensions and notifications."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp_types import EmptyResult, SetLevelRequest, SetLevelRequestParams
from starlette.applications import Starlette

from gateway.sdk.internals import low_level
from tests.clients import connected
from tests.conftest import MakeApp
from tests.gateway.aggregate.listing import LISTS, make
from tests.transport import opened
from tests.wire import modern

pytestmark = pytest.mark.anyio


async def test_hints_for_caches_are_the_strictest_of_all_servers(make_app: MakeApp) -> None:
    def hints(ttl: int, scope: Any = "public") -> dict[str, Any]:
        return {"cache_hints": dict.fromkeys(LISTS, CacheHint(ttl, scope))}

    async def cached(app: Starlette, method: str) -> tuple[int, str]:
        async with opened(app) as http:
            headers, body = modern(method)
            result = (await http.post("/mcp", json=body, headers=headers)).json()["result"]
            return result["ttlMs"], result["cacheScope"]

    for method in LISTS:
        one, two = make("one", **hints(60_000)), make("two", **hints(5_000))
        assert await cached(make_app(one, two), method) == (5_000, "public")
        one, two = make("one", **hints(60_000)), make("two", **hints(5_000, "private"))
        assert await cached(make_app(one, two), method) == (5_000, "private")
        assert await cached(make_app(make("one", **hints(60_000)), make("two")), method) == (0, "private")


async def test_hint_of_a_read_is_that_of_its_server(make_app: MakeApp) -> None:
    hint: Any = {"resources/read": CacheHint(60_000, "public")}
    async with opened(make_app(make("one", cache_hints=hint), make("two"))) as http:
        for server, expected in (("one", (60_000, "public")), ("two", (0, "private"))):
            headers, body = modern("resources/read", uri=f"note://{server}/1")
            result = (await http.post("/mcp", json=body, headers=headers)).json()["result"]
            assert (result["ttlMs"], result["cacheScope"]) == expected


async def test_log_level_reaches_every_server_though_one_fails(make_app: MakeApp) -> None:
    heard: list[str] = []

    def hearing(name: str, *, fails: bool) -> MCPServer[Any]:
        async def hear(ctx: Any, params: Any) -> EmptyResult:
            heard.append(name)
            if fails:
                raise RuntimeError("secret")
            return EmptyResult()

        server = make(name)
        low_level(server).add_request_handler("logging/setLevel", SetLevelRequestParams, hear)
        return server

    app = make_app(hearing("ill", fails=True), hearing("well", fails=False), make("deaf"))
    async with opened(app) as http, connected(http, "legacy", "") as client:
        await client.session.send_request(SetLevelRequest(params=SetLevelRequestParams(level="debug")), EmptyResult)
    assert sorted(heard) == ["ill", "well"]
