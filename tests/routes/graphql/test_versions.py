"""Versions of a tool over GraphQL: a request asks for one by its header, or by a field."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context, MCPServer
from starlette.applications import Starlette

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.versions.test_states import ANSWER, asking
from tests.keys import add_key, bearer
from tests.matrix import versioned
from tests.matrix.target import Target
from tests.matrix.ways import VERSION, graphql
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_header_chooses_the_version_and_scopes_hold_for_it(make_app: MakeApp, tmp_path: Path) -> None:
    server: MCPServer[None] = MCPServer("one")
    versioned.search(server)
    app = make_app(server, graphql=GRAPHQL, **versioned.scoped(tmp_path))

    async def which(key: str, pin: str = "") -> str:
        headers = bearer(versioned.KEYS[key]) | ({VERSION: pin} if pin else {})
        outcome = await graphql(Target(app, http), "search", {}, headers)
        return str(outcome.value).partition(" ")[0] if outcome.slug == "ok" else outcome.slug

    async with opened(app) as http:
        assert [await which("all", pin) for pin in ("", "1", "9", "0.9", "newest")] == [
            *("2.1.0", "1.10.0", "unknown-version", "retired", "invalid-request")
        ]
        assert [await which("first", pin) for pin in ("", "1.9", "2", "9")] == ["1.10.0", "1.9.0", *["forbidden"] * 2]
        assert [await which("pinned"), await which("gone")] == ["1.9.0", "retired"]


async def asked(http: httpx2.AsyncClient, query: str, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = (await http.post(GRAPHQL, json={"query": query}, headers=headers)).json()
    return found


async def test_each_version_is_a_field_with_its_own_arguments(make_app: MakeApp) -> None:
    async with opened(library(make_app)) as http:
        schema = (await http.get(f"{GRAPHQL}/schema.graphql")).text
        assert "one_search(limit: Long!" in schema
        assert "one_search_v2_1_0(limit: Long!" in schema
        assert 'one_search_v1_0_0(words: String!): String @deprecated(reason: "Use version 2. It is slow.")' in schema
        assert "Version 1.0.0 of 'search'." in schema
        assert "one_alone_v" not in schema, "a tool with one version has one field"
        found = await asked(
            http, 'mutation { a: one_search_v1_0_0(words: "x") b: one_search(limit: 3) c: one_search_v2_1_0(limit: 4) }'
        )
        assert found == {"data": {"a": "x", "b": 3, "c": 4}}
        differing = await asked(http, 'mutation { one_search_v1_0_0(words: "x") }', **{VERSION: "2"})
        assert differing["errors"][0]["extensions"]["status"] == 400


async def test_versions_are_fields_for_those_who_may_call_them(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = {name: add_key(path, name, scope) for name, scope in (("all", "one:*"), ("first", "one:search@1"))}
    keys["pinned"] = add_key(path, "pinned", "one:*", pins=["one:search=1"])
    async with opened(library(make_app, auth_keys=str(path))) as http:
        for _ in range(2):  # one caller's schema is not another's
            for name, argument in (("all", "limit: Long!"), ("first", "words: String!"), ("pinned", "words: String!")):
                schema = (await http.get(f"{GRAPHQL}/schema.graphql", headers=bearer(keys[name]))).text
                assert f"one_search({argument}" in schema
                assert ("one_search_v2_1_0" in schema) == (name != "first")
        refused = await asked(http, "mutation { one_search_v2_1_0(limit: 1) }", **bearer(keys["first"]))
        assert refused["errors"][0]["extensions"]["status"] in (403, 404)


@pytest.mark.slow
async def test_anonymous_callers_of_a_route_have_the_schema_of_their_version(make_app: MakeApp) -> None:
    settings = {"tool_routes": "one:search=1:50,2:50", "trusted_proxies": (ip_network("127.0.0.0/8"),)}
    ran = set()
    async with opened(library(make_app, **settings)) as http:
        for number in range(12):
            from_address = {"x-forwarded-for": f"192.0.2.{number}"}
            schema = (await http.get(f"{GRAPHQL}/schema.graphql", headers=from_address)).text
            argument = 'words: "x"' if "one_search(words" in schema else "limit: 3"
            found = await asked(http, f"mutation {{ one_search({argument}) }}", **from_address)
            ran.add(str(found["data"]["one_search"]))
    assert ran == {"x", "3"}


async def test_field_of_a_version_reports_as_a_subscription(make_app: MakeApp) -> None:
    async def search(words: str, ctx: Context) -> str:
        await ctx.report_progress(1, 2)
        return words

    server = shelf()
    server.add_tool(search, name="search_v0", meta={"version": "0.9.0", "versions_of": "search"})
    async with opened(make_app(server, graphql=GRAPHQL)) as http:
        query = 'subscription { one_search_v0_9_0(words: "x") { progress { progress } result } }'
        answer = await http.post(GRAPHQL, json={"query": query}, headers={"accept": "text/event-stream"})
        assert '"result":"x"' in answer.text
        assert '"progress":1' in answer.text


async def test_field_of_a_tool_keeps_its_name_beside_a_version_of_another(make_app: MakeApp) -> None:
    async def other() -> str:
        return "other"

    server = shelf()
    server.add_tool(other, name="search_v1_0_0")
    async with opened(make_app(server, graphql=GRAPHQL)) as http:
        assert await asked(http, "mutation { one_search_v1_0_0 }") == {"data": {"one_search_v1_0_0": "other"}}
        assert (await asked(http, "mutation { one_search_v2_1_0(limit: 2) }"))["data"]["one_search_v2_1_0"] == 2


async def test_call_that_asks_goes_on_with_the_version_that_asked(make_app: MakeApp) -> None:
    app = make_app(asking("1.0.0", "2.0.0"), graphql=GRAPHQL)
    async with opened(app) as http:
        for query, headers in (("mutation { one_waits_v1_0_0 }", {}), ("mutation { one_waits }", {VERSION: "1"})):
            error = (await asked(http, query, **headers))["errors"][0]["extensions"]
            [name] = error["inputRequests"]
            given = {"requestState": error["requestState"], "inputResponses": {name: ANSWER}}
            resume = {"query": "mutation($r: Resume!) { one_waits(_resume: $r) }", "variables": {"r": given}}
            assert (await http.post(GRAPHQL, json=resume)).json() == {"data": {"one_waits": "1.0.0 accept"}}


def shelf() -> MCPServer[Any]:
    """Returns a server whose tool `search` has two versions, with other arguments."""

    async def by_words(words: str) -> str:
        return words

    async def by_limit(limit: int) -> int:
        return limit

    deprecated = {"since": "2020-01-01", "use": "2", "why": "It is slow."}
    server: MCPServer[Any] = MCPServer("one")
    first = {"version": "1.0.0", "versions_of": "search", "deprecated": deprecated}
    server.add_tool(by_words, name="search_old", meta=first)
    server.add_tool(by_limit, name="search_new", meta={"version": "2.1.0", "versions_of": "search"})
    server.add_tool(by_limit, name="alone", meta={"version": "1.0.0"})
    return server


def library(make_app: MakeApp, **settings: Any) -> Starlette:
    return make_app(shelf(), graphql=GRAPHQL, **settings)
