"""Checks that every rule for calls holds for a server that is a child process, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeApp
from tests.gateway.upstream.conftest import entry, written
from tests.matrix import access, bounds, credentials, limit
from tests.matrix.rules import Rule
from tests.matrix.ways import WAYS, Headers, Outcome, Target
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.process]
RULES: list[Rule] = [*bounds.RULES, *access.RULES, *credentials.RULES, *limit.RULES]
TOOLS = {"include": ["add_tool", "hang", "erase"], "rename": {"add_tool": "add", "hang": "wait"}}


@pytest.mark.parametrize("peer", ["", "legacy"], ids=["modern", "legacy"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_rule_holds_for_every_way_to_call_a_child(
    rule: Rule,
    way: str,
    peer: str,
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    file = written(tmp_path, {"one": entry(peer, tools=TOOLS)})
    settings = dict(rule.settings(tmp_path))
    if "call_timeout" in settings:  # a child has to be waited for: its answer may take longer than a function's
        settings["call_timeout"] = max(settings["call_timeout"], 1.0)
    app = make_app(servers_file=file, **settings)
    async with opened(app) as http:
        target = Target(app, http)

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](target, tool, arguments, headers or {})

        await rule.check(call)
