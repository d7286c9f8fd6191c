"""The cache policies that a tool can declare, and the errors for invalid ones."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.cache.policy import MAX_TTL, CachePolicy
from gateway.errors import LoadError
from tests.conftest import MakeApp


async def forecast(city: str) -> str:
    return city


@pytest.mark.parametrize(
    ("meta", "policy"),
    [
        (None, None),
        ({}, None),
        ({"other": {"ttl": 1}}, None),
        ({"cache": {"ttl": 60}}, CachePolicy(60.0, public=False)),
        ({"cache": {"ttl": 0.5, "scope": "private"}}, CachePolicy(0.5, public=False)),
        ({"cache": {"ttl": MAX_TTL, "scope": "public"}, "other": 1}, CachePolicy(MAX_TTL, public=True)),
    ],
)
def test_policy_is_read_from_the_meta_of_a_tool(meta: dict[str, Any] | None, policy: CachePolicy | None) -> None:
    assert CachePolicy.of(meta) == policy


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (60, '`cache` must be an object like {"ttl": 60}, not 60'),
        (None, '`cache` must be an object like {"ttl": 60}, not None'),
        (["ttl"], """`cache` must be an object like {"ttl": 60}, not ['ttl']"""),
        ({"ttl": 60, "tll": 1}, "`cache` has an unknown field 'tll'; its fields are `ttl` and `scope`"),
        *(
            ({"ttl": ttl}, f"`cache.ttl` must be seconds, more than 0 and at most 604800, not {ttl!r}")
            for ttl in (0, -1, True, "60", None, float("nan"), float("inf"), MAX_TTL + 1, [60])
        ),
        ({}, "`cache.ttl` must be seconds, more than 0 and at most 604800, not None"),
        ({"ttl": 60, "scope": "shared"}, "`cache.scope` must be one of private, public, not 'shared'"),
        ({"ttl": 60, "scope": None}, "`cache.scope` must be one of private, public, not None"),
        ({"ttl": 60, "scope": []}, "`cache.scope` must be one of private, public, not []"),
    ],
)
def test_invalid_policy_stops_the_startup(make_app: MakeApp, declared: Any, reason: str) -> None:
    server = MCPServer("one")
    server.add_tool(forecast, meta={"cache": declared})
    with pytest.raises(LoadError) as caught:
        make_app(server)
    assert str(caught.value) == f"server 'one', tool 'forecast': {reason}"
