"""Checks that every rule for calls holds for servers that run elsewhere, too, over each transport in both eras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeApp
from tests.gateway.upstream.conftest import entry, written
from tests.matrix import access, bounds, credentials, limit
from tests.matrix.rules import Rule
from tests.matrix.ways import WAYS, Headers, Outcome, Target
from tests.process.live.router import Router
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.process]
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES]
TOOLS = {"include": ["add_tool", "hang", "erase"], "rename": {"add_tool": "add", "hang": "wait"}}
SOME = ("call", "websocket", "native modern", "native legacy", "aggregate modern")
PLACES = [
    *(("stdio", "modern", way) for way in WAYS),
    *(("http", "legacy", way) for way in WAYS),
    *((transport, era, way) for transport, era in (("stdio", "legacy"), ("http", "modern")) for way in SOME),
]
"""Where the server runs, its era, and the way to call it: all ways for one server of each transport and of each era."""

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


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another router, and the URL of its one server: a router can stand behind a router."""
    folder = tmp_path_factory.mktemp("far")
    (folder / "far_server.py").write_text(SERVER)
    with Router(folder, MCP_SERVERS_DIR=str(folder)) as router:
        yield f"http://127.0.0.1:{router.await_table().port}/far/mcp"


@pytest.mark.parametrize(("transport", "era", "way"), PLACES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_rule_holds_for_every_way_to_call_a_server_elsewhere(
    rule: Rule, transport: str, era: str, way: str, far: str, make_app: MakeApp, tmp_path: Path
) -> None:
    child = entry("legacy" if era == "legacy" else "", tools=TOOLS, era=era)
    one = child if transport == "stdio" else {"url": far, "era": era, "tools": TOOLS}
    settings = dict(rule.settings(tmp_path))
    if "call_timeout" in settings:  # its answer may take longer than that of a function
        settings["call_timeout"] = max(settings["call_timeout"], 1.0)
    app = make_app(servers_file=written(tmp_path, {"one": one}), **settings)
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)
