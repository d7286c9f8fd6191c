"""Tests of scopes that hold for some servers only."""

from __future__ import annotations

from gateway.auth.audience import AudienceScopes
from gateway.auth.scopes import Scopes


def test_other_servers_are_not_covered_by_any_scope() -> None:
    for scopes in (["*:*"], ["admin"]):
        grants = AudienceScopes({"math"}, Scopes(scopes))
        assert (grants.covers("math", "add"), grants.covers("echo", "echo")) == (True, False)
        assert (grants.covers_all_of("math"), grants.covers_all_of("echo")) == (True, False)
        assert grants.missing("echo", "echo_tool", "echo") == "echo:echo"


def test_servers_of_the_audience_are_covered_as_far_as_the_scopes_go() -> None:
    grants = AudienceScopes({"math", "echo"}, Scopes(["math:add"]))
    assert [grants.covers("math", tool) for tool in ("add", "multiply")] == [True, False]
    assert not grants.covers("echo", "echo")
    assert not grants.covers_all_of("math")
    assert grants.missing("math", "multiply", "multiply") == "math:multiply"
