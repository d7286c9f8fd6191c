"""What a caller may do."""

from __future__ import annotations

from gateway.scopes import Scopes


def test_a_pattern_covers_what_it_matches() -> None:
    assert Scopes(["math:*"]).covers("math", "add_tool")
    assert not Scopes(["math:*"]).covers("echo", "echo_tool")
    assert not Scopes([]).covers_all_of("math")
