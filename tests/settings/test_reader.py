"""Each kind of value is read with its own check, and what cannot be used is named."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from settings.reader import Reader, SettingError


def reader(value: str) -> Reader:
    return Reader({"NAME": value})


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (lambda read: read.text("NAME", "default"), " value ", "value"),
        (lambda read: read.text("NAME", "default"), "  ", "default"),
        (lambda read: read.names("NAME", (), ","), " a, b,,", ("a", "b")),
        (lambda read: read.names("NAME", ("x",), ","), ",", ("x",)),
        (lambda read: read.hosts("NAME", ()), "example.com,::1", ("example.com", "::1")),
        (lambda read: read.choice("NAME", "one", ("one", "two")), "TWO", "two"),
        (lambda read: read.flag("NAME", True), "no", False),
        (lambda read: read.flag("NAME", False), "", False),
        (lambda read: read.whole("NAME", 1, at_least=0), "0", 0),
        (lambda read: read.seconds("NAME", 1.0), "0.25", 0.25),
        (lambda read: read.url("NAME", ""), "https://example.com/tools/", "https://example.com/tools"),
        (lambda read: read.url("NAME", ""), "http://[::1]:8000", "http://[::1]:8000"),
        (lambda read: read.url("NAME", ""), "", ""),
        (
            lambda read: read.networks("NAME"),
            "10.0.0.0/8, ::1, 192.0.2.7",
            tuple(map(ip_network, ("10.0.0.0/8", "::1/128", "192.0.2.7/32"))),
        ),
        (lambda read: read.networks("NAME"), "", ()),
        (lambda read: read.path("NAME", ""), "/a/b-c_d.e", "/a/b-c_d.e"),
        (lambda read: read.path("NAME", "/default"), "", "/default"),
    ],
)
def test_a_value_is_read_as_what_it_is(read: Callable[[Reader], Any], text: str, value: object) -> None:
    assert read(reader(text)) == value


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (lambda read: read.hosts("NAME", ()), "https://a", "host names without scheme and port, or *"),
        (lambda read: read.choice("NAME", "one", ("one", "two")), "three", "one of one, two"),
        (lambda read: read.flag("NAME", True), "2", "one of 0, 1, false, true, no, yes"),
        (lambda read: read.whole("NAME", 1, at_least=1), "0", "a whole number of at least 1"),
        (lambda read: read.whole("NAME", 1, at_least=0, at_most=9), "10", "a whole number from 0 to 9"),
        (lambda read: read.seconds("NAME", 1.0), "-1", "a number of seconds greater than 0"),
        (lambda read: read.url("NAME", ""), "example.com", "a URL that begins with https:// or http://"),
        (lambda read: read.url("NAME", ""), "https://", "a URL that begins with https:// or http://"),
        (lambda read: read.url("NAME", ""), "ftp://a", "a URL that begins with https:// or http://"),
        (lambda read: read.networks("NAME"), "10.0.0.1/8", "addresses or networks (10.0.0.0/8), separated by a comma"),
        (lambda read: read.networks("NAME"), "proxy", "addresses or networks (10.0.0.0/8), separated by a comma"),
        (lambda read: read.path("NAME", ""), "metrics", "a path like /metrics"),
        (lambda read: read.path("NAME", ""), "/", "a path like /metrics"),
        (lambda read: read.path("NAME", ""), "/metrics/", "a path like /metrics"),
        (lambda read: read.path("NAME", ""), "/{server}/mcp", "a path like /metrics"),
        (lambda read: read.path("NAME", ""), "/metrics?a=b", "a path like /metrics"),
    ],
)
def test_what_cannot_be_used_is_named_and_what_is_expected_is_said(
    read: Callable[[Reader], Any], text: str, expected: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read(reader(text))
    assert str(caught.value).startswith("NAME")
    assert expected in str(caught.value)
