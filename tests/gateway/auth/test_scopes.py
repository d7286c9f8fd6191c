"""Tests of scope patterns."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.auth.scopes import Scopes
from gateway.tool import ToolInfo


def tool(name: str, **annotations: Any) -> ToolInfo:
    return {"name": name, "inputSchema": {}, "annotations": annotations}


@pytest.mark.parametrize(
    ("pattern", "server", "name"),
    [
        ("math:add", "math", "add"),
        ("math:*", "math", "add"),
        ("math:*", "math", "a:b/c d"),
        ("math:ad*", "math", "ad"),
        ("math:*_tool", "math", "add_tool"),
        ("math:a*d*l", "math", "add_tool"),
        ("math:**", "math", "add"),
        ("*:read_*", "files", "read_text"),
        ("*:*", "math", "add"),
        ("m*h:add", "math", "add"),
        ("math:a:b", "math", "a:b"),
        ("math:[add]", "math", "[add]"),
        ("math:a?d", "math", "a?d"),
        ("math:add.", "math", "add."),
        ("admin", "math", "add"),
        ("admin:add", "admin", "add"),
    ],
)
def test_pattern_covers_tool(pattern: str, server: str, name: str) -> None:
    for scopes in (Scopes([pattern]), Scopes(["openid", "", pattern])):
        assert scopes.covers(server, name)
        assert scopes.covers(server, tool(name))
        assert scopes.covers(server, tool(name)), "asked again"


@pytest.mark.parametrize(
    ("pattern", "server", "name"),
    [
        ("math:add", "math", "add_tool"),
        ("math:add", "math", "ADD"),
        ("math:add", "Math", "add"),
        ("math:add", "mat", "h:add"),
        ("math:*", "math2", "add"),
        ("math:a*a", "math", "a"),
        ("math:ab*bc", "math", "abc"),
        ("math:*ab*ba*", "math", "aba"),
        ("*:read_*", "files", "unread_text"),
        ("*h:add", "math", "x:add"),
        ("math:[abc]dd", "math", "add"),
        ("math:a?d", "math", "add"),
        ("math:a.d", "math", "add"),
        ("math:add\n", "math", "add"),
        ("math:add", "math", "add\n"),
        (" math:*", "math", "add"),
        ("admin:*", "math", "add"),
        ("Admin", "math", "add"),
        ("admin ", "math", "add"),
        ("*", "math", "add"),
        ("math", "math", "math"),
        ("math:", "math", ""),
        (":add", "", "add"),
        (":", "", ""),
        ("", "math", "add"),
        ("math.add", "math", "add"),
    ],
)
def test_pattern_does_not_cover_tool(pattern: str, server: str, name: str) -> None:
    assert not Scopes([pattern]).covers(server, name)
    assert not Scopes([pattern]).covers(server, tool(name))


@pytest.mark.parametrize("pattern", ["metrics:scrape", "metrics:*", "metrics:s*", "admin"])
def test_scope_that_names_an_area_of_the_router_covers_it(pattern: str) -> None:
    assert Scopes(["math:*", pattern]).covers_own("metrics", "scrape")
    assert not Scopes([pattern], servers={"math"}).covers_own("metrics", "scrape"), "a token for one server"


@pytest.mark.parametrize("pattern", ["*:*", "m*:*", "*:scrape", "metrics*:scrape", "metrics:other", "metrics"])
def test_scope_for_servers_does_not_cover_an_area_of_the_router(pattern: str) -> None:
    assert not Scopes([pattern]).covers_own("metrics", "scrape")


def test_empty_scopes_cover_nothing() -> None:
    assert not Scopes([]).covers("math", "add")
    assert not Scopes([]).covers_all_of("math")


@pytest.mark.parametrize("pattern", ["math:*", "*:*", "m*:**", "admin"])
def test_pattern_for_every_tool_covers_the_whole_server(pattern: str) -> None:
    assert Scopes(["x:y", pattern]).covers_all_of("math")


@pytest.mark.parametrize("pattern", ["math:add", "math:*_tool", "math:a*", "echo:*", "*:add", "*", "math", "math:"])
def test_pattern_for_some_tools_does_not_cover_the_whole_server(pattern: str) -> None:
    assert not Scopes([pattern]).covers_all_of("math")


@pytest.mark.parametrize(
    ("scopes", "covered"),
    [
        (["math:*"], False),
        (["danger"], False),
        (["math:*", "danger"], True),
        (["admin"], True),
        (["math:*", "d*"], False),
    ],
)
def test_destructive_tool_needs_the_destructive_scope_and_a_pattern(scopes: list[str], covered: bool) -> None:
    granted = Scopes(scopes, "danger")
    assert granted.covers("math", tool("drop", destructiveHint=True)) is covered
    assert granted.covers("math", "drop") is covered, "an unknown tool"


@pytest.mark.parametrize("annotations", [{}, {"destructiveHint": False}, {"readOnlyHint": False}, {"title": "Drop"}])
def test_other_tools_do_not_need_the_destructive_scope(annotations: dict[str, Any]) -> None:
    assert Scopes(["math:*"], "danger").covers("math", tool("add", **annotations))
    assert Scopes(["math:*"], "danger").covers("math", {"name": "add", "inputSchema": {}})


def test_change_of_a_tools_annotations_takes_effect_at_once() -> None:
    scopes = Scopes(["math:*"], "danger")
    assert scopes.covers("math", tool("add"))
    assert not scopes.covers("math", tool("add", destructiveHint=True))


def test_missing_destructive_scope_does_not_affect_prompts_and_resources() -> None:
    assert Scopes(["math:*"], "danger").covers_all_of("math")


def test_missing_scope_has_the_name_that_was_asked_for() -> None:
    assert Scopes(["echo:*"], "danger").missing("math", "add_tool", "add") == "math:add"
    assert Scopes(["math:*"], "danger").missing("math", "drop", "drop") == "danger"


def test_no_scope_covers_a_server_outside_the_audience() -> None:
    for patterns in (["*:*"], ["admin"]):
        scopes = Scopes(patterns, servers={"math"})
        assert (scopes.covers("math", "add"), scopes.covers("echo", "echo")) == (True, False)
        assert (scopes.covers_all_of("math"), scopes.covers_all_of("echo")) == (True, False)
        assert scopes.missing("echo", "echo_tool", "echo") == "echo:echo"


def test_servers_of_the_audience_are_covered_as_far_as_the_patterns_go() -> None:
    scopes = Scopes(["math:add"], servers={"math", "echo"})
    assert [scopes.covers("math", name) for name in ("add", "multiply")] == [True, False]
    assert not scopes.covers("echo", "echo")
    assert not scopes.covers_all_of("math")
    assert scopes.missing("math", "multiply", "multiply") == "math:multiply"


def test_decisions_are_the_same_for_more_tools_than_are_cached() -> None:
    scopes = Scopes(["math:*1"])
    for _ in range(2):
        covered = [number for number in range(1000) if scopes.covers("math", tool(f"t{number}"))]
        assert covered == [*range(1, 1000, 10)]


def test_matching_takes_linear_time() -> None:
    """A matcher that backtracks would take years."""
    started = time.process_time()
    assert not Scopes(["*:" + "*a" * 30 + "*b"]).covers("math", "a" * 100_000)
    assert Scopes(["*:" + "*a" * 30 + "*"]).covers("math", "a" * 100_000)
    assert time.process_time() - started < 5
