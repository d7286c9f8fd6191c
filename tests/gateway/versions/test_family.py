"""Lists and answers of a tool with versions, and those of a tool with a single one."""

from __future__ import annotations

from typing import Any

import pytest

from tests import wire
from tests.clients import ERAS, Era, answered, connected, open_session, post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.events import STREAM
from tests.gateway.versions.searching import DEPRECATED, RETIRED, searching, wire_result
from tests.keys import add_key, bearer
from tests.sockets import connected as connected_socket
from tests.transport import opened

pytestmark = pytest.mark.anyio
VERSION = "dev.multi-mcp/version"
VERSIONS = "dev.multi-mcp/versions"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", ["one", ""])
async def test_native_list_shows_one_entry_with_its_versions(era: Era, server: str, make_app: MakeApp) -> None:
    app = make_app(searching("0.1.0", "1.0.0", "2.0.0", v1=RETIRED, v2=DEPRECATED))
    async with opened(app) as http, connected(http, era, server) as client:
        [tool] = (await client.list_tools()).tools
    assert tool.name == ("search" if server else "one_search")
    assert tool.description == "Version 2.0.0"
    assert tool.meta == {VERSION: "2.0.0", VERSIONS: ["2.0.0", "1.0.0"]}


@pytest.mark.parametrize("era", ERAS)
async def test_native_call_understands_the_field_of_fastmcp(era: Era, make_app: MakeApp) -> None:
    app = make_app(searching("1.0.0", "2.0.0", v1=DEPRECATED))
    async with opened(app) as http, connected(http, era) as client:
        asked: Any = {"fastmcp": {"version": "1.0.0"}}
        result = await client.session.call_tool("search", {}, meta=asked)
        meta = {"fastmcp": {"version": "1.0.0"}, VERSION: "2"}
        refused = await answered_with(client, meta)
    assert result.structured_content == {"result": "1.0.0"}
    assert result.meta is not None
    assert result.meta[VERSION] == "1.0.0"
    assert result.meta["dev.multi-mcp/deprecated"] == DEPRECATED
    assert refused == "The request asks for two versions that differ."


async def answered_with(client: Any, meta: dict[str, Any]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the SDK's error of either era
        await client.session.call_tool("search", {}, meta=meta)
    return str(caught.value)


async def test_lists_show_what_the_caller_may_call(make_app: MakeApp, tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    first, both = bearer(add_key(path, "first", "one:search@1")), bearer(add_key(path, "both", "one:*"))
    async with opened(make_app(searching("1.0.0", "2.0.0"), auth_keys=str(path))) as http:
        for who, version, versions in (
            (first, "1.0.0", ["1.0.0"]),
            (both, "2.0.0", ["2.0.0", "1.0.0"]),
            (first, "1.0.0", ["1.0.0"]),
        ):
            for url in ("/one/mcp/tools", "/tools"):
                [tool] = (await http.get(url, headers=who)).json()["tools"]
                assert tool["_meta"] == {VERSION: version, VERSIONS: versions}
            headers, body = wire.modern("tools/list")
            answer = await http.post("/one/mcp", json=body, headers={**headers, **who})
            [tool] = wire_result(answer)["tools"]
            assert tool["_meta"] == {VERSION: version, VERSIONS: versions}
            [function] = (await http.get("/tools?format=openai", headers=who)).json()
            assert function["function"]["description"] == f"Version {version}"
        assert (await http.get("/one/mcp/tools/search@2", headers=first)).status_code == 403
        assert (await http.get("/one/mcp/tools/search@9", headers=first)).status_code == 403
        shown = await http.get("/one/mcp/tools/search@1", headers=both)
        assert (shown.json()["description"], shown.headers["tool-version"]) == ("Version 1.0.0", "1.0.0")
        assert shown.headers["vary"] == "Tool-Version"


async def test_replicas_with_other_versions_name_theirs(make_app: MakeApp) -> None:
    pinned = {"tool": "search", "version": "2"}
    async with opened(make_app(searching("1.0.0"))) as http:
        refused = await http.post("/one/mcp/call", json=pinned)
        assert (refused.status_code, refused.json()["detail"]) == (
            404,
            "Tool 'search' has no version '2'; there are: 1.0.0.",
        )
        assert (await http.post("/one/mcp/call", json={**pinned, "version": "1"})).json() == {"result": "1.0.0"}
    async with opened(make_app(searching("1.0.0", "2.0.0"))) as http:
        assert (await http.post("/one/mcp/call", json=pinned)).json() == {"result": "2.0.0"}


async def search(q: str) -> str:
    return q


@pytest.mark.slow
async def test_single_version_changes_no_byte(make_app: MakeApp) -> None:
    seen = []
    for meta in ({"note": 1}, {"version": "1.2.0", "note": 1}):
        server = server_of(name="one")
        server.add_tool(search, meta=meta)
        async with opened(make_app(server, graphql=GRAPHQL)) as http:
            found = [
                await post(http, "search", {"q": "a"}),
                await post(http, "search", {}),
                await http.post("/one/mcp/tools/search", json={"q": "a"}),
                await http.get("/one/mcp/tools/search"),
                await http.get("/tools"),
                await http.get("/tools?format=openai"),
                await http.get("/openapi.json"),
                await http.get("/health"),
            ]
            for url, name in (("/one/mcp", "search"), ("/mcp", "one_search")):
                called: dict[str, Any] = {"name": name, "arguments": {"q": "a"}}
                for method, params in (("tools/call", called), ("tools/list", {})):
                    headers, body = wire.modern(method, **params)
                    found.append(await http.post(url, json=body, headers=headers))
                    session = await open_session(http, url)
                    found.append(await http.post(url, json=wire.request(method, 2, **params), headers=session))
            found += [
                await http.post("/call", json={"tool": "search", "arguments": {"q": "a"}}, headers=STREAM),
                await http.post(GRAPHQL, json={"query": 'mutation { one_search(q: "a") }'}),
                await http.get(f"{GRAPHQL}/schema.graphql"),
                await http.get("/"),
            ]
            seen.append([(answer.status_code, names_of(answer), body_of(answer)) for answer in found])
    assert seen[0] == seen[1]


def names_of(answer: Any) -> list[str]:
    return sorted(answer.headers)


def body_of(answer: Any) -> str:
    body = answer.text.replace('"version":"1.2.0",', "")
    request = answer.headers["x-request-id"]
    return str(body.replace(request, ""))


async def test_tool_that_comes_later_joins_its_versions(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    server = searching("1.0.0", "2.0.0")
    async with opened(make_app(server)) as http, connected(http, "modern") as client:
        assert (await post(http, "search")).json() == {"result": "2.0.0"}
        for version in ("3.0.0", "2.0.0", "next"):
            server.add_tool(search, name=f"new {version}", meta={"version": version, "versions_of": "search"})
        assert (await post(http, "search", {"q": "three"})).json() == {"result": "three"}
        assert len((await client.list_tools()).tools) == 1
        assert await answered(client, "new next") == {
            "content": [{"type": "text", "text": "Unknown tool: new next"}],
            "isError": True,
        }
        server.remove_tool("new 3.0.0")
        assert (await post(http, "search")).json() == {"result": "2.0.0"}
    assert "not served: the versions of tool 'search': 2.0.0 and 2.0.0 are the same" in caplog.text


async def test_frame_on_a_socket_has_the_version(make_app: MakeApp) -> None:
    app = make_app(searching("1.0.0", "2.0.0"), searching("1.0.0", name="two"))
    async with opened(app), connected_socket(app, "/ws") as socket:
        for call, version in (({"server": "one", "version": "1"}, {"version": "1.0.0"}), ({"server": "two"}, {})):
            answer = await socket.ask({"id": 1, "tool": "search", **call})
            assert answer == {"id": 1, **version, "result": "1.0.0"}


async def test_version_in_a_native_name_needs_its_scope(make_app: MakeApp, tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    who = bearer(add_key(path, "first", "one:search@1"))
    async with opened(make_app(searching("1.0.0", "2.0.0", "3.0.0-rc.1"), auth_keys=str(path))) as http:
        for name, result in (("search@1.0.0", "1.0.0"), ("search@2", None), ("search@9", None), ("search@x", None)):
            headers, body = wire.modern("tools/call", name=name, arguments={})
            answer = (await http.post("/one/mcp", json=body, headers={**headers, **who})).json()
            if result is None:
                assert answer["error"]["data"]["type"] == "forbidden"
            else:
                assert answer["result"]["structuredContent"] == {"result": result}


async def test_pre_release_alone_is_for_those_who_pin_it(make_app: MakeApp, tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    pinned = bearer(add_key(path, "pinned", "one:*", pins=["one:search=1.0.0-rc.1"]))
    plain = bearer(add_key(path, "plain", "one:*"))
    async with opened(make_app(searching("1.0.0-rc.1", "1.0.0-rc.2"), auth_keys=str(path))) as http:
        for who, status, count in ((pinned, 200, 1), (plain, 404, 0)):
            answer = await http.post("/one/mcp/call", json={"tool": "search"}, headers=who)
            assert answer.status_code == status
            assert len((await http.get("/one/mcp/tools", headers=who)).json()["tools"]) == count
            assert (await http.get("/openapi.json", headers=who)).status_code == 200
