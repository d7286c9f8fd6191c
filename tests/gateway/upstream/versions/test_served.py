"""Several upstreams behind one server: its lists, its answers, and what becomes of a version that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import ERAS, Era, answered, connected, post
from tests.conftest import MakeApp
from tests.gateway.upstream.versions.serving import child, described, written
from tests.gateway.versions.searching import DEPRECATED
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Serving = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def serving(make_app: MakeApp, tmp_path: Path) -> Serving:
    """Returns a function that opens the application with this file."""

    @asynccontextmanager
    async def serve(document: dict[str, Any], **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
        async with opened(make_app(servers_file=written(tmp_path, document), **settings)) as http:
            yield http

    return serve


async def ran(http: httpx2.AsyncClient, pin: str | None = None, **fields: Any) -> str:
    """Returns the version that ran, or the kind of the error."""
    body = {"tool": "search", **({"version": pin} if pin else {}), **fields}
    answer = (await http.post("/one/mcp/call", json=body)).json()
    return str(answer["result"]).split(" ")[0] if "result" in answer else answer["type"].rpartition(":")[2]


async def test_upstreams_are_one_server_with_one_entry_for_each_tool(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", v1=DEPRECATED)) as http:
        health = (await http.get("/health")).json()
        assert [server["server"] for server in health["servers"]] == ["one"]
        assert health["servers"][0]["versions"] == {"2.0.0": {"status": "ok"}, "1.0.0": {"status": "ok"}}
        for hidden in ("one-v1-0-0", "one-v2-0-0"):
            assert (await post(http, "search", server=hidden)).json()["type"].endswith(":unknown-server")
        tools = {tool["name"]: tool for tool in (await http.get("/one/mcp/tools")).json()["tools"]}
        assert [*tools] == ["search", "only_2_0_0", "grow", "only_1_0_0"]
        assert tools["search"]["description"] == "search of 2.0.0."
        assert tools["search"]["_meta"] == {
            "dev.multi-mcp/version": "2.0.0",
            "dev.multi-mcp/versions": ["2.0.0", "1.0.0"],
        }
        shown = (await http.get("/one/mcp/tools/search@1")).json()
        assert (shown["description"], shown["_meta"]["dev.multi-mcp/deprecated"]) == ("search of 1.0.0.", DEPRECATED)
        assert (await post(http, "only_1_0_0")).status_code == 200
        only = await http.post("/one/mcp/call", json={"tool": "only_1_0_0", "version": "2"})
        assert only.json()["detail"] == "Tool 'only_1_0_0' has no version '2'; there are: 1.0.0."


async def test_answer_of_a_deprecated_upstream_says_until_when_it_runs(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", v1=DEPRECATED)) as http:
        answer = await http.post("/one/mcp/tools/search@1", json={})
        assert (answer.status_code, answer.headers["tool-version"]) == (200, "1.0.0")
        assert answer.headers["deprecation"] == "@1577836800"
        assert answer.headers["sunset"] == "Sat, 01 Jun 2999 00:00:00 GMT"
        assert 'search@2.0.0>; rel="successor-version"' in answer.headers["link"]
        assert "search@1.0.0" in (await http.get("/one/openapi.json")).text


@pytest.mark.parametrize("peer", ["", "legacy"])
@pytest.mark.parametrize("era", ERAS)
async def test_native_client_is_shown_and_gets_the_same_version(serving: Serving, era: Era, peer: str) -> None:
    document = described("1.0.0", "2.0.0", how={"1.0.0": peer, "2.0.0": peer})
    async with serving(document, tool_routes="one:search=1:100,2:0") as http:
        for server in ("one", ""):
            name = "search" if server else "one_search"
            async with connected(http, era, server) as client:
                listed = next(tool for tool in (await client.list_tools()).tools if tool.name == name)
                assert listed.description == "search of 1.0.0."
                assert (await answered(client, name))["structuredContent"]["result"].startswith("1.0.0 ")
                meta: Any = {"dev.multi-mcp/version": "2"}
                pinned: Any = await client.session.call_tool(name, meta=meta)
                number = "1" if server else "2"
                assert pinned.structured_content["result"] == f"2.0.0 {number}"  # and not what it has asked for
                assert pinned.meta["dev.multi-mcp/version"] == "2.0.0"
                prompts = [prompt.name.removeprefix("one_") for prompt in (await client.list_prompts()).prompts]
                assert len(prompts) == 1
                if server:
                    assert prompts == ["of 2.0.0"]


async def test_route_splits_callers_who_stay_with_their_version(serving: Serving) -> None:
    settings = {"tool_routes": "one:search=1:50,2:50", "trusted_proxies": (ip_network("127.0.0.1"),)}
    async with serving(described("1.0.0", "2.0.0"), **settings) as http:
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
            http.headers["x-forwarded-for"] = address
            tools = (await http.get("/one/mcp/tools")).json()["tools"]
            meta = next(tool["_meta"] for tool in tools if tool["name"] == "search")
            assert {await ran(http) for _ in range(3)} == {meta["dev.multi-mcp/version"]}


async def test_route_stops_an_upstream_that_fails_more_than_the_other(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", how={"2.0.0": "fails"}), tool_routes="one:search=1:0,2:100") as http:
        for _ in range(20):
            assert await ran(http, "1") == "1.0.0"
        assert {await ran(http) for _ in range(20)} == {"tool-error"}
        assert await ran(http) == "1.0.0"
        assert (await http.get("/one/mcp/health")).json()["stoppedVersions"] == {"search": ["2.0.0"]}
        assert await ran(http, "2") == "tool-error"


async def test_version_that_does_not_start_is_unavailable_and_the_others_serve(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", how={"2.0.0": "exit"})) as http:
        assert await ran(http, "1") == "1.0.0"
        answer = await http.post("/one/mcp/call", json={"tool": "search", "version": "2"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert await ran(http) == "1.0.0"
        with anyio.fail_after(20):
            while (health := (await http.get("/one/mcp/health")).json())["versions"]["2.0.0"]["status"] != "failing":
                await anyio.sleep(0.02)
        assert health["status"] == health["versions"]["1.0.0"]["status"] == "ok"
        assert "it does not start" in health["versions"]["2.0.0"]["reason"]


async def test_tool_that_comes_to_one_version_is_served_and_told(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0")) as http:
        heard = anyio.Event()

        async def hear(message: Any) -> None:
            if getattr(message, "method", "") == "notifications/tools/list_changed":
                heard.set()

        async with connected(http, "legacy", message_handler=hear) as client:
            assert (await http.post("/one/mcp/tools/grow@1", json={})).status_code == 200
            with anyio.fail_after(20):
                await heard.wait()
                while not (grown := [tool for tool in (await client.list_tools()).tools if tool.name == "grown"]):
                    await anyio.sleep(0.02)
        assert grown[0].description == "grown of 1.0.0."


async def test_call_that_asks_goes_on_with_its_version(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", how={"1.0.0": "asks", "2.0.0": "asks"})) as http:
        first = (await http.post("/one/mcp/call", json={"tool": "search", "version": "1"})).json()
        answers = {"name": {"action": "accept", "content": {"name": "Ada"}}}
        more = {"requestState": first["requestState"], "inputResponses": answers}
        final = await http.post("/one/mcp/call", json={"tool": "search", **more})
        assert (final.status_code, final.json()["result"]) == (200, "1.0.0 2 of 1.0.0")
        other = await http.post("/one/mcp/call", json={"tool": "search", "version": "2", **more})
        assert other.status_code == 400


async def test_entry_that_is_disabled_takes_its_version_away(serving: Serving) -> None:
    document = described("1.0.0", "2.0.0")
    document["mcpServers"]["one-v2-0-0"]["disabled"] = True
    async with serving(document) as http:
        assert [await ran(http), await ran(http, "2")] == ["1.0.0", "unknown-version"]


async def test_entry_may_give_its_own_name_to_the_server(serving: Serving) -> None:
    document = {
        "mcpServers": {"one": child("1.0.0"), "one-next": child("2.0.0")},
        "versions": {"one": {"1.0.0": "one", "2.0.0": "one-next"}},
    }
    async with serving(document) as http:
        assert [await ran(http, pin) for pin in ("1", "2")] == ["1.0.0", "2.0.0"]


async def test_file_that_changes_changes_the_versions(serving: Serving, tmp_path: Path) -> None:
    async with serving(described("1.0.0"), follow=True) as http:
        assert await ran(http, "2") == "unknown-version"
        written(tmp_path, described("1.0.0", "2.0.0"))
        with anyio.fail_after(20):
            while await ran(http) != "2.0.0":
                await anyio.sleep(0.05)
        assert await ran(http, "1") == "1.0.0"
        written(tmp_path, {"mcpServers": described("1.0.0")["mcpServers"]})
        with anyio.fail_after(20):
            while (await post(http, "search")).status_code != 404:
                await anyio.sleep(0.05)
            while (await post(http, "search", server="one-v1-0-0")).status_code != 200:
                await anyio.sleep(0.05)


async def test_call_that_comes_before_the_tools_are_known_waits_for_its_version(serving: Serving) -> None:
    async with serving(described("1.0.0", "2.0.0", how={"1.0.0": "slow", "2.0.0": "slow"})) as http:
        found: dict[str, str] = {}

        async def call(name: str) -> None:
            found[name] = await ran(http, tool=name)

        async with anyio.create_task_group() as calls:
            calls.start_soon(call, "search@1")
            calls.start_soon(call, "search")
        assert found == {"search@1": "1.0.0", "search": "2.0.0"}
