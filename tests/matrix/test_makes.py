"""Checks every rule on a server of another make: the SDK's low-level `Server`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.server import Server
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.matrix import access, bounds, credentials, limit
from tests.matrix.listings import LISTINGS, OF_ALL
from tests.matrix.rules import Rule
from tests.matrix.target import Target
from tests.matrix.test_matrix import SEEN, one
from tests.matrix.ways import SLOWLY, WAYS, Headers, Outcome
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES]
"""All but those of the cache, which other makes have not."""


def low_level(server: MCPServer[Any]) -> Server[Any]:
    """Returns a low-level server that answers with the handlers of `server`."""
    made: Server[Any] = Server(
        server.name, on_list_tools=server._handle_list_tools, on_call_tool=server._handle_call_tool
    )
    return made


@pytest.mark.parametrize("way", SLOWLY)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_rule_holds_for_a_low_level_server(rule: Rule, way: str, make_app: MakeApp, tmp_path: Path) -> None:
    server = one()
    rule.serve(server)
    app = make_app(low_level(server), graphql=GRAPHQL, **rule.settings(tmp_path))
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)


@pytest.mark.parametrize("listing", LISTINGS)
async def test_list_of_a_low_level_server_has_only_the_tools_that_the_caller_may_call(
    listing: str, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(low_level(one()), low_level(one("two")), graphql=GRAPHQL, **access.keys_and_danger(tmp_path))
    async with opened(app) as http:
        for name, seen in SEEN.items():
            listed = await LISTINGS[listing](Target(app, http), access.HEADERS[name])
            expected = seen if listing in OF_ALL else {tool for tool in seen if tool.startswith("one_")}
            assert (name, sorted(listed)) == (name, sorted(expected))
