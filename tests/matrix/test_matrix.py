"""Every rule by every way in. A rule that holds on one and not on another is a hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.conftest import MakeApp, server_of
from tests.matrix import access, bounds, cached, credentials, limit
from tests.matrix.listings import LISTINGS, OF_ALL
from tests.matrix.rules import Rule
from tests.matrix.ways import VIA, WAYS, Door, Headers, Outcome
from tests.transport import opened

pytestmark = pytest.mark.anyio
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES, *cached.RULES]


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


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_the_rule_holds_by_every_way_in(rule: Rule, way: str, make_app: MakeApp, tmp_path: Path) -> None:
    server = one()
    rule.serve(server)
    app = make_app(server, **rule.settings(tmp_path))
    async with opened(app) as http:

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](Door(app, http), tool, arguments, headers or {})

        await rule.check(call)


@pytest.mark.parametrize("tool", ["add", "nonsense"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_call_outside_of_its_callers_scopes_is_recorded_once(
    tool: str, way: str, make_app: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(one(), **access.keys(tmp_path))
    async with opened(app) as http:
        await WAYS[way](Door(app, http), tool, {}, access.HEADERS["nothing"])
    [line] = [line for line in capsys.readouterr().err.splitlines() if " call request_id=" in line]
    assert f" server=one tool={tool} via={VIA[way]} outcome=forbidden " in line
    assert " caller=key:nothing" in line


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_of_a_tool_that_there_is_not_is_recorded_once(
    way: str, make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(one())
    async with opened(app) as http:
        await WAYS[way](Door(app, http), "nonsense", {}, {})
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
async def test_a_list_shows_what_the_caller_may_call_and_nothing_else(
    listing: str, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(one(), one("two"), **access.keys_and_danger(tmp_path))
    async with opened(app) as http:
        for _ in range(2):  # what is kept for one is not shown to another
            for name, seen in SEEN.items():
                listed = await LISTINGS[listing](Door(app, http), access.HEADERS[name])
                expected = seen if listing in OF_ALL else {tool for tool in seen if tool.startswith("one_")}
                assert (name, sorted(listed)) == (name, sorted(expected))


@pytest.mark.parametrize("listing", LISTINGS)
async def test_a_list_shows_everything_where_nobody_is_asked(listing: str, make_app: MakeApp) -> None:
    app = make_app(one(), one("two"))
    async with opened(app) as http:
        listed = await LISTINGS[listing](Door(app, http), {})
    assert {tool for tool in SEEN["admin"] if listing in OF_ALL or tool.startswith("one_")} == {*listed}
