"""Every rule by every way in. A rule that holds on one and not on another is a hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.conftest import MakeApp, server_of
from tests.matrix import bounds, cached
from tests.matrix.rules import Rule
from tests.matrix.ways import WAYS, Door, Headers, Outcome
from tests.transport import opened

pytestmark = pytest.mark.anyio
RULES: list[Rule] = [*bounds.RULES, *cached.RULES]


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def wait() -> int:
    """Wait for a minute."""
    await anyio.sleep(60)
    return 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_the_rule_holds_by_every_way_in(rule: Rule, way: str, make_app: MakeApp, tmp_path: Path) -> None:
    server = server_of(add, wait)
    rule.serve(server)
    app = make_app(server, **rule.settings(tmp_path))
    async with opened(app) as http:

        async def call(tool: str, headers: Headers | None = None, /, **arguments: Any) -> Outcome:
            return await WAYS[way](Door(app, http), tool, arguments, headers or {})

        await rule.check(call)
