"""The joint answers of all servers: hints for caches, log levels, instructions, extensions and notifications."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.apps import Apps
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp_types import EmptyResult, NotificationParams, RequestParams, SetLevelRequest, SetLevelRequestParams
from starlette.applications import Starlette

from gateway.sdk.internals import low_level
from tests.clients import ERAS, Era, connected, open_session
from tests.conftest import MakeApp
from tests.gateway.aggregate.listing import LISTS, make
from tests.gateway.aggregate.tasks import make as make_with_tasks
from tests.keys import add_key, bearer
from tests.transport import opened
from tests.wire import BOTH_TYPES, INITIALIZE, messages, modern, request

pytestmark = pytest.mark.anyio


@pytest.mark.slow
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


@pytest.mark.slow
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


async def told(app: Starlette, era: Era) -> dict[str, Any]:
    """Returns the answer to `initialize` or to `server/discover`."""
    headers, body = (BOTH_TYPES, INITIALIZE) if era == "legacy" else modern("server/discover")
    async with opened(app) as http:
        answer = await http.post("/mcp", json=body, headers=headers)
    message: Any = messages(answer.text)[0] if era == "legacy" else answer.json()
    result: dict[str, Any] = message["result"]
    return result


@pytest.mark.parametrize("era", ERAS)
async def test_instructions_stand_under_the_name_of_their_server(make_app: MakeApp, era: Era) -> None:
    app = make_app(make("north", instructions="Go north."), make("silent"), make("south", instructions=" Go south.\n"))
    assert (await told(app, era))["instructions"] == "## north\n\nGo north.\n\n## south\n\nGo south."


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_long_instructions_are_cut_and_without_any_there_are_none(make_app: MakeApp, era: Era) -> None:
    app = make_app(*(make(f"s{number}", instructions="x" * 100_000) for number in range(9)))
    text = (await told(app, era))["instructions"]
    assert (len(text), text.count("## ")) == (64 * 1024, 8)
    assert "instructions" not in await told(make_app(make("silent")), era)


@pytest.mark.parametrize("era", ERAS)
async def test_extensions_of_all_servers_are_promised(make_app: MakeApp, era: Era) -> None:
    app = make_app(make_with_tasks("one")[0], make("two", extensions=[Apps()]), make_with_tasks("three")[0])
    extensions = (await told(app, era))["capabilities"].get("extensions")
    if era == "modern":  # no earlier version has extensions
        tasks: dict[str, Any] = {"list": {}, "one": {}, "three": {}}
        assert extensions == {"io.modelcontextprotocol/tasks": tasks, "io.modelcontextprotocol/ui": {}}
    else:
        assert extensions is None


async def test_caller_is_told_only_of_the_servers_that_it_may_use(make_app: MakeApp, tmp_path: Path) -> None:
    headers = bearer(add_key(tmp_path / "keys.json", "ci", "two:*"))
    one, two = make_with_tasks("one")[0], make("two", instructions="Go.", extensions=[Apps()])
    low_level(one).instructions = "secret"
    async with opened(make_app(one, two, auth_keys=str(tmp_path / "keys.json"))) as http:
        needed, body = modern("server/discover")
        discovered = (await http.post("/mcp", json=body, headers={**needed, **headers})).json()["result"]
        initialized = (await http.post("/mcp", json=INITIALIZE, headers={**BOTH_TYPES, **headers})).text
    assert [*discovered["capabilities"]["extensions"]] == ["io.modelcontextprotocol/ui"]
    assert (discovered["instructions"], discovered["cacheScope"]) == ("## two\n\nGo.", "private")
    assert "## two" in initialized
    assert "secret" not in initialized


@pytest.mark.slow
async def test_notifications_of_a_client_reach_each_server_that_has_a_handler(make_app: MakeApp) -> None:
    heard: list[tuple[str, str]] = []

    def hearing(name: str, *methods: str) -> MCPServer[Any]:
        async def hear(ctx: Any, params: Any) -> None:
            heard.append((name, ctx.method))
            if name == "ill":
                raise RuntimeError("secret")

        server = make(name)
        for method in methods:
            low_level(server).add_notification_handler(method, NotificationParams, hear)
        return server

    roots, progress, own = "notifications/roots/list_changed", "notifications/progress", "notifications/x/own"
    app = make_app(hearing("ill", roots, own), hearing("one", roots, progress), hearing("two", progress), make("deaf"))
    async with opened(app) as http:
        session = await open_session(http, "/mcp")
        for method, params in ((roots, {}), (progress, {"progressToken": 1, "progress": 1}), (own, {})):
            body = {"jsonrpc": "2.0", "method": method, "params": params}
            assert (await http.post("/mcp", json=body, headers=session)).status_code == 202
        answer = await http.post("/mcp", json=request("ping"), headers=session)
    assert messages(answer.text)[-1]["result"] == {}
    assert sorted(heard) == [("ill", roots), ("ill", own), ("one", progress), ("one", roots), ("two", progress)]


async def test_cancellation_by_a_client_reaches_the_tool(make_app: MakeApp) -> None:
    begun, cancelled = anyio.Event(), anyio.Event()
    server = make("one")

    @server.tool()
    async def wait() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with opened(make_app(server)) as http, anyio.create_task_group() as tasks:
        session = await open_session(http, "/mcp")
        call = request("tools/call", 7, name="one_wait", arguments={})
        tasks.start_soon(partial(http.post, "/mcp", json=call, headers=session))
        with anyio.fail_after(5):
            await begun.wait()
            body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            await http.post("/mcp", json=body, headers=session)
            await cancelled.wait()
        tasks.cancel_scope.cancel()


async def test_method_that_one_server_alone_has_is_forwarded_to_it(make_app: MakeApp) -> None:
    def having(name: str, *methods: str) -> MCPServer[Any]:
        async def answer(ctx: Any, params: Any) -> dict[str, Any]:
            return {"of": name, "x": ctx.params["x"], "resources": [{"uri": "note://1"}]}

        server = make(name)
        for method in methods:
            low_level(server).add_request_handler(method, RequestParams, answer)
        return server

    async with opened(make_app(having("one", "x/own", "x/both"), having("two", "x/both"))) as http:
        answers = []
        for method in ("x/own", "x/both", "x/none"):
            headers, body = modern(method, x=1)
            answers.append((await http.post("/mcp", json=body, headers=headers)).json())
    result = answers[0]["result"]
    assert (result["of"], result["x"], result["resources"]) == ("one", 1, [{"uri": "note://one/1"}])
    assert [answer["error"]["code"] for answer in answers[1:]] == [-32601, -32601]
