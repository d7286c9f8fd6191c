"""Checks every rule for every way to call. A rule that one way does not enforce is a security hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix import access, bounds, cached, credentials, keyed, limit, versioned
from tests.matrix.listings import LISTINGS, OF_ALL
from tests.matrix.rules import Rule
from tests.matrix.target import Target
from tests.matrix.ways import VIA, WAYS, Headers, Outcome
from tests.transport import opened

pytestmark = pytest.mark.anyio
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES, *cached.RULES, *keyed.RULES]
RULES += versioned.RULES


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def wait() -> int:
    """Wait for a minute."""
    await anyio.sleep(60)
    return 0


async def erase() -> str:
    """Erase everything."""
    return "erased"


def one(name: str = "one") -> MCPServer[Any]:
    server = server_of(add, wait, name=name)
    server.add_tool(erase, annotations=ToolAnnotations(destructive_hint=True))
    return server


@pytest.mark.parametrize(
    ("rule", "way"),
    [
        pytest.param(rule, way, id=f"{rule.name}-{way}")
        for rule in RULES
        for way in WAYS
        if not (rule.needs_names and way == "graphql")
    ],
)
@pytest.mark.slow
async def test_rule_holds_for_every_way_to_call(rule: Rule, way: str, make_app: MakeApp, tmp_path: Path) -> None:
    server = one()
    rule.serve(server)
    app = make_app(server, graphql=GRAPHQL, **rule.settings(tmp_path))
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)


@pytest.mark.parametrize("tool", ["wait", "nonsense"])
@pytest.mark.parametrize("way", WAYS)
async def test_call_outside_the_scopes_is_recorded_once(
    tool: str, way: str, make_app: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(one(), graphql=GRAPHQL, **access.keys(tmp_path))
    async with opened(app) as http:
        await WAYS[way](Target(app, http), tool, {}, access.HEADERS["exact"])
    [line] = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert f" server=one tool={tool} via={VIA[way]} outcome=forbidden " in line
    assert " caller=key:exact" in line


@pytest.mark.parametrize("way", WAYS)
async def test_call_to_an_unknown_tool_is_recorded_once(
    way: str, make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(one(), graphql=GRAPHQL)
    async with opened(app) as http:
        await WAYS[way](Target(app, http), "nonsense", {}, {})
    [line] = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert f"nonsense via={VIA[way]} outcome=unknown-tool " in line


SEEN = {
    "exact": {"one_add"},
    "server": {"one_add", "one_wait"},
    "tools": {"one_add", "two_add"},
    "destructive": {"one_add", "one_wait", "one_erase"},
    "other": {"two_add", "two_wait"},
    "only-danger": set(),
    "nothing": set(),
    "admin": {"one_add", "one_wait", "one_erase", "two_add", "two_wait", "two_erase"},
}


@pytest.mark.parametrize("listing", LISTINGS)
async def test_list_has_only_the_tools_that_the_caller_may_call(
    listing: str, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(one(), one("two"), graphql=GRAPHQL, **access.keys_and_danger(tmp_path))
    async with opened(app) as http:
        for _ in range(2):  # a cached list must not be shown to another caller
            for name, seen in SEEN.items():
                listed = await LISTINGS[listing](Target(app, http), access.HEADERS[name])
                expected = seen if listing in OF_ALL else {tool for tool in seen if tool.startswith("one_")}
                assert (name, sorted(listed)) == (name, sorted(expected))


@pytest.mark.parametrize("listing", LISTINGS)
async def test_list_has_every_tool_if_authentication_is_off(listing: str, make_app: MakeApp) -> None:
    app = make_app(one(), one("two"), graphql=GRAPHQL)
    async with opened(app) as http:
        listed = await LISTINGS[listing](Target(app, http), {})
    assert {tool for tool in SEEN["admin"] if listing in OF_ALL or tool.startswith("one_")} == {*listed}
