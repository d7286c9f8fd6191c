"""URIs and task ids with their server's name, for any URI, template and name."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcp.shared.uri_template import UriTemplate

from gateway.aggregate.addresses import (
    is_web,
    task_with_server,
    task_without_server,
    with_server,
    without_server,
)

CASES = [
    ("ui://clock/app.html", "ui://alpha/clock/app.html"),
    ("note://1", "note://alpha/1"),
    ("file:///etc/hosts", "file://alpha//etc/hosts"),
    ("file:/etc/hosts", "file:alpha:/etc/hosts"),
    ("https://[::1]:8443/x?y=%2F#z", "https://alpha/[::1]:8443/x?y=%2F#z"),
    ("HTTP://Example.com", "HTTP://alpha/Example.com"),
    ("urn:isbn:0451450523", "urn:alpha:isbn:0451450523"),
    ("data:text/plain;base64,aGk=", "data:alpha:text/plain;base64,aGk="),
    ("notes", "multi-mcp://alpha/notes"),
    ("/notes", "multi-mcp://alpha//notes"),
    ("", "multi-mcp://alpha/"),
    ("{+path}", "multi-mcp://alpha/{+path}"),
    ("{scheme}://x", "multi-mcp://alpha/{scheme}://x"),
    ("multi-mcp://notes", "multi-mcp://alpha/multi-mcp://notes"),
    ("db://{table}{?page}", "db://alpha/{table}{?page}"),
    ("a:{+rest}", "a:alpha:{+rest}"),
]
schemes = st.sampled_from(
    ["", "ui:", "ui://", "file:///", "URN:", "multi-mcp:", "multi-mcp://", "Multi-MCP://a/", "a+b.c-d:"]
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
uris = st.builds("".join, st.tuples(schemes, st.text("a:/%[]{}?#é \n") | texts))
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
names = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?", fullmatch=True) | texts.filter(bool)


@pytest.mark.parametrize(("own", "over_all"), CASES)
def test_name_goes_into_the_uri_and_its_scheme_stays(own: str, over_all: str) -> None:
    assert with_server("alpha", own) == over_all
    assert without_server(over_all) == ("alpha", own)


@unhurried
@given(names, uris)
@example("multi-mcp", "multi-mcp://multi-mcp/multi-mcp:multi-mcp")
@example("a:b/c", "x:y://z")
@pytest.mark.slow
def test_every_uri_of_every_server_comes_back(server: str, uri: str) -> None:
    assert without_server(with_server(server, uri)) == (server, uri)


@unhurried
@given(names, uris, names, uris)
@pytest.mark.slow
def test_different_resources_have_different_uris(one: str, uri: str, other: str, other_uri: str) -> None:
    assert (with_server(one, uri) == with_server(other, other_uri)) is ((one, uri) == (other, other_uri))


@unhurried
@given(
    st.sampled_from(["note://{x}", "note:{+x}", "{x}://a", "{+x}", "file:///{+x}", "db://a{/x}{?y}", "a://[{x}]/"]),
    st.text("a:/%[]é ", min_size=1),
)
@pytest.mark.slow
def test_expanded_template_is_the_uri_of_the_expanded_own_template(template: str, value: str) -> None:
    expanded = UriTemplate.parse(with_server("alpha", template)).expand({"x": value, "y": value})
    own = UriTemplate.parse(template).expand({"x": value, "y": value})
    assert without_server(expanded) == ("alpha", own)


@pytest.mark.parametrize(
    "uri", ["", "notes", "note:", "note://", "note://alpha", "note:///x", "urn:x", "multi-mcp:a:b"]
)
def test_uri_that_names_no_server_is_told_apart(uri: str) -> None:
    assert without_server(uri) is None


def test_web_uris_are_those_that_clients_can_use_alone() -> None:
    web = ["https://a", "HTTP://a", "data:,x"]
    assert [uri for uri in [*web, "ui://https://a", "httpx://a", "//a", "file:///a"] if is_web(uri)] == web


@unhurried
@given(names, texts)
@pytest.mark.slow
def test_every_task_id_comes_back(server: str, task: str) -> None:
    assert task_without_server(task_with_server(server, task)) == (server, task)


@pytest.mark.parametrize("task", ["", "abc", ":abc"])
def test_task_id_that_names_no_server_is_told_apart(task: str) -> None:
    assert task_without_server(task) is None
