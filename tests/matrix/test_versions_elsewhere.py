"""Checks every rule of versions on a server whose versions are run by upstreams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.upstream.versions.serving import described, written
from tests.matrix import versioned
from tests.matrix.rules import Rule
from tests.matrix.target import Target
from tests.matrix.ways import WAYS, Headers, Outcome
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
RULES = [rule for rule in versioned.RULES if rule.check is not versioned.plain_tools_have_none]
"""All but the rule of tools without versions, since each tool of such a server has one."""

LIVE = ("stream", "websocket", "websocket any")
"""The ways in that a tool elsewhere may report progress to, so that its results are not cached for them."""


def cached() -> MCPServer[Any]:
    """Returns a server beside the one under test, which turns the cache on."""
    server: MCPServer[Any] = MCPServer("beside")
    server.add_tool(pid, meta={"cache": {"ttl": 60}})
    return server


async def pid() -> str:
    return "1"


@pytest.mark.parametrize(
    ("rule", "way"),
    [
        pytest.param(rule, way, id=f"{rule.name}-{way}")
        for rule in RULES
        for way in WAYS
        if not (rule.needs_names and way == "graphql") and not (rule.serve is versioned.cached_search and way in LIVE)
    ],
)
async def test_rule_of_versions_holds_for_upstreams(rule: Rule, way: str, make_app: MakeApp, tmp_path: Path) -> None:
    versions = [str(each["version"]) for each in versioned.VERSIONS]
    how = dict.fromkeys(versions, "cached") if rule.serve is versioned.cached_search else {}
    deprecated = {f"v{place}": each["deprecated"] for place, each in enumerate(versioned.VERSIONS, 1) if len(each) > 1}
    file = written(tmp_path, described(*versions, how=how, **deprecated))
    app = make_app(cached(), servers_file=file, servers=(), graphql=GRAPHQL, **rule.settings(tmp_path))
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: object) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)
