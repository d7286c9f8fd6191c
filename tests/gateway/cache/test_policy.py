"""What a tool may say of its own caching, and how what it may not say is told."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.cache.policy import LONGEST, Mark
from gateway.errors import LoadError
from tests.conftest import MakeApp


async def forecast(city: str) -> str:
    return city


@pytest.mark.parametrize(
    ("meta", "mark"),
    [
        (None, None),
        ({}, None),
        ({"other": {"ttl": 1}}, None),
        ({"cache": {"ttl": 60}}, Mark(60.0, public=False)),
        ({"cache": {"ttl": 0.5, "scope": "private"}}, Mark(0.5, public=False)),
        ({"cache": {"ttl": LONGEST, "scope": "public"}, "other": 1}, Mark(LONGEST, public=True)),
    ],
)
def test_a_mark_is_read(meta: dict[str, Any] | None, mark: Mark | None) -> None:
    assert Mark.of(meta) == mark


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (60, '`cache` must be an object like {"ttl": 60}, not 60'),
        (None, '`cache` must be an object like {"ttl": 60}, not None'),
        (["ttl"], """`cache` must be an object like {"ttl": 60}, not ['ttl']"""),
        ({"ttl": 60, "tll": 1}, "`cache` has no 'tll'; it has `ttl` and `scope`"),
        *(
            ({"ttl": ttl}, f"`cache.ttl` must be seconds, more than 0 and at most 604800, not {ttl!r}")
            for ttl in (0, -1, True, "60", None, float("nan"), float("inf"), LONGEST + 1, [60])
        ),
        ({}, "`cache.ttl` must be seconds, more than 0 and at most 604800, not None"),
        ({"ttl": 60, "scope": "shared"}, "`cache.scope` must be one of private, public, not 'shared'"),
        ({"ttl": 60, "scope": None}, "`cache.scope` must be one of private, public, not None"),
        ({"ttl": 60, "scope": []}, "`cache.scope` must be one of private, public, not []"),
    ],
)
def test_a_mark_that_is_wrong_keeps_the_application_from_its_start(make_app: MakeApp, said: Any, reason: str) -> None:
    server = MCPServer("one")
    server.add_tool(forecast, meta={"cache": said})
    with pytest.raises(LoadError) as caught:
        make_app(server)
    assert str(caught.value) == f"server 'one', tool 'forecast': {reason}"
