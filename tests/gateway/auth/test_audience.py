"""A credential that was made for some servers."""

from __future__ import annotations

from gateway.auth.audience import Within
from gateway.auth.scopes import Scopes


def test_it_covers_nothing_of_the_other_servers_whatever_its_scopes_say() -> None:
    for scopes in (["*:*"], ["admin"]):
        grants = Within({"math"}, Scopes(scopes))
        assert (grants.covers("math", "add"), grants.covers("echo", "echo")) == (True, False)
        assert (grants.covers_all_of("math"), grants.covers_all_of("echo")) == (True, False)
        assert grants.missing("echo", "echo_tool", "echo") == "echo:echo"


def test_it_covers_no_more_than_its_scopes_say() -> None:
    grants = Within({"math", "echo"}, Scopes(["math:add"]))
    assert [grants.covers("math", tool) for tool in ("add", "multiply")] == [True, False]
    assert not grants.covers("echo", "echo")
    assert not grants.covers_all_of("math")
    assert grants.missing("math", "multiply", "multiply") == "math:multiply"
