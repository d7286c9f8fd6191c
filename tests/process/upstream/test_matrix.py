"""Checks that every rule for calls holds for servers that run elsewhere, too, over each transport in both eras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.upstream.conftest import entry, written
from tests.gateway.upstream.sse.conftest import sse_server
from tests.matrix import access, bounds, credentials, limit
from tests.matrix.listings import LISTINGS, OF_ALL
from tests.matrix.rules import Rule
from tests.matrix.target import Target
from tests.matrix.test_matrix import SEEN
from tests.matrix.ways import WAYS, Headers, Outcome
from tests.process.live.router import Router
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.process]
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES]
TOOLS = {"include": ["add_tool", "hang", "erase"], "rename": {"add_tool": "add", "hang": "wait"}}


class Far(NamedTuple):
    """The URLs of servers in processes of their own."""

    http: str
    sse: str


UPSTREAMS: dict[str, Callable[[Far], dict[str, Any]]] = {
    "stdio modern": lambda far: entry(tools=TOOLS, era="modern"),
    "stdio legacy": lambda far: entry("legacy", tools=TOOLS, era="legacy"),
    "http modern": lambda far: {"url": far.http, "tools": TOOLS, "era": "modern"},
    "http legacy": lambda far: {"url": far.http, "tools": TOOLS, "era": "legacy"},
    "sse": lambda far: {"type": "sse", "url": far.sse, "tools": TOOLS},
}
"""The entry of each transport and era for the rules, some of which need a server of `far`."""

SERVER = """
import asyncio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
mcp = MCPServer("far")
@mcp.tool()
async def add_tool(a: int, b: int) -> int:
    return a + b
@mcp.tool()
async def hang() -> None:
    await asyncio.sleep(60)
@mcp.tool(annotations=ToolAnnotations(destructive_hint=True))
async def erase() -> str:
    return "erased"
"""


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """Another router with one server, as a router can stand behind a router, and a server of the transport of 2024."""
    folder = tmp_path_factory.mktemp("far")
    (folder / "far_server.py").write_text(SERVER)
    with Router(folder, MCP_SERVERS_DIR=str(folder)) as router, sse_server() as old:
        yield Far(f"http://127.0.0.1:{router.await_table().port}/far/mcp", old["url"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_rule_holds_for_every_way_to_call_a_server_elsewhere(
    rule: Rule, upstream: str, way: str, far: Far, make_app: MakeApp, tmp_path: Path
) -> None:
    settings = dict(rule.settings(tmp_path))
    if "call_timeout" in settings:  # its answer may take longer than that of a function
        settings["call_timeout"] = max(settings["call_timeout"], 1.0)
    app = make_app(servers_file=written(tmp_path, {"one": UPSTREAMS[upstream](far)}), graphql=GRAPHQL, **settings)
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_list_of_a_server_elsewhere_has_only_the_tools_that_the_caller_may_call(
    listing: str, upstream: str, far: Far, make_app: MakeApp, tmp_path: Path
) -> None:
    entries = {name: UPSTREAMS[upstream](far) for name in ("one", "two")}
    app = make_app(servers_file=written(tmp_path, entries), graphql=GRAPHQL, **access.keys_and_danger(tmp_path))
    async with opened(app) as http:
        for name in entries:
            body = {"server": name, "tool": "add", "arguments": {"a": 1, "b": 2}}
            assert (await http.post("/call", json=body, headers=access.HEADERS["admin"])).status_code == 200
        for name, seen in SEEN.items():
            listed = await LISTINGS[listing](Target(app, http), access.HEADERS[name])
            expected = seen if listing in OF_ALL else {tool for tool in seen if tool.startswith("one_")}
            assert (name, sorted(listed)) == (name, sorted(expected))
