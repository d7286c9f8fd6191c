"""The kinds of settings: how each is read and checked, and the error for an invalid value."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from settings.network import UNIX_CLIENTS, hosts, networks, path, url
from settings.reader import SettingError, choice, flag, names, permissions, seconds, setting_of, text, whole


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        (text("NAME", "default", ""), " value ", "value"),
        (text("NAME", "default", ""), "  ", "default"),
        (names("NAME", (), "", separator=","), " a, b,,", ("a", "b")),
        (names("NAME", ("x",), "", separator=","), ",", ("x",)),
        (hosts("NAME", ""), "example.com,::1", ("example.com", "::1")),
        (choice("NAME", "one", "", choices=("one", "two")), "TWO", "two"),
        (flag("NAME", True, ""), "no", False),
        (flag("NAME", False, ""), "", False),
        (whole("NAME", 1, "", at_least=0), "0", 0),
        (seconds("NAME", 1.0, ""), "0.25", 0.25),
        (url("NAME", ""), "https://example.com/tools/", "https://example.com/tools"),
        (url("NAME", ""), "http://[::1]:8000", "http://[::1]:8000"),
        (url("NAME", ""), "", ""),
        (
            networks("NAME", ""),
            "10.0.0.0/8, ::1, 192.0.2.7",
            tuple(map(ip_network, ("10.0.0.0/8", "::1/128", "192.0.2.7/32"))),
        ),
        (networks("NAME", ""), "", ()),
        (networks("NAME", ""), "unix, ::1", (UNIX_CLIENTS, ip_network("::1"))),
        (permissions("NAME", 0o660, ""), "", 0o660),
        (permissions("NAME", 0o660, ""), "600", 0o600),
        (permissions("NAME", 0o660, ""), "0666", 0o666),
        (path("NAME", ""), "/a/b-c_d.e", "/a/b-c_d.e"),
        (path("NAME", ""), "", ""),
    ],
)
def test_value_is_read_as_its_kind(declared: Any, given: str, value: object) -> None:
    assert setting_of(declared).read({"NAME": given}) == value


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        (hosts("NAME", ""), "https://a", "host names without scheme and port, or *"),
        (choice("NAME", "one", "", choices=("one", "two")), "three", "one of one, two"),
        (flag("NAME", True, ""), "2", "one of 0, 1, false, true, no, yes"),
        (whole("NAME", 1, "", at_least=1), "0", "a whole number of at least 1"),
        (whole("NAME", 1, "", at_least=0, at_most=9), "10", "a whole number from 0 to 9"),
        (whole("NAME", 1, "", at_least=0, at_most=0), "1", "a whole number from 0 to 0"),
        (seconds("NAME", 1.0, ""), "-1", "a number of seconds greater than 0"),
        (url("NAME", ""), "example.com", "a URL that begins with https:// or http://"),
        (url("NAME", ""), "https://", "a URL that begins with https:// or http://"),
        (url("NAME", ""), "ftp://a", "a URL that begins with https:// or http://"),
        (networks("NAME", ""), "10.0.0.1/8", "addresses or networks (10.0.0.0/8), separated by a comma"),
        (networks("NAME", ""), "proxy", "addresses or networks (10.0.0.0/8), separated by a comma"),
        (permissions("NAME", 0o660, ""), "rw", "octal permissions like 660"),
        (permissions("NAME", 0o660, ""), "680", "octal permissions like 660"),
        (permissions("NAME", 0o660, ""), "4777", "octal permissions like 660"),
        (path("NAME", ""), "metrics", "a path like /metrics"),
        (path("NAME", ""), "/", "a path like /metrics"),
        (path("NAME", ""), "/metrics/", "a path like /metrics"),
        (path("NAME", ""), "/{server}/mcp", "a path like /metrics"),
        (path("NAME", ""), "/metrics?a=b", "a path like /metrics"),
    ],
)
def test_invalid_value_is_reported_with_the_expected_form(declared: Any, given: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        setting_of(declared).read({"NAME": given})
    assert str(caught.value).startswith("NAME")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        (text("NAME", "default", ""), "`default`"),
        (text("NAME", "", ""), "none"),
        (names("NAME", ("a", "b"), "", separator=":"), "`a:b`"),
        (names("NAME", (), "", separator=",", unset="all"), "all"),
        (flag("NAME", False, ""), "`0`"),
        (whole("NAME", 10_000, "", at_least=0), "`10000`"),
        (seconds("NAME", 1800.0, ""), "`1800`"),
        (seconds("NAME", 0.5, ""), "`0.5`"),
    ],
)
def test_default_is_shown_in_the_form_of_an_environment_variable(declared: Any, shown: str) -> None:
    assert setting_of(declared).shown == shown
