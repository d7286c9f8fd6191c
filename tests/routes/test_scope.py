"""Typed keys of the ASGI scope. The product uses no other private names in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.types import Scope

from routes.scope import STREAM, peer_of, root_path_of

ROOT = Path(__file__).parents[2]
STANDARD = {
    "type",
    "method",
    "http_version",
    "query_string",
    "path",
    "path_params",
    "root_path",
    "scheme",
    "headers",
    "subprotocols",
    "user",
} | {*("client", "server", "extensions", "raw_path")}


def test_key_is_stored_read_and_removed() -> None:
    scope: Scope = {}
    assert (STREAM.get(scope), STREAM.pop(scope)) == (None, None)
    STREAM.set(scope, True)
    assert STREAM.get(scope) is True
    assert STREAM.pop(scope) is True
    assert scope == {}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, ""),
        ({"root_path": "/tools"}, "/tools"),
        ({"root_path": "/tools/math", "app_root_path": "/tools"}, "/tools"),
    ],
)
def test_root_path_is_that_of_the_application_also_below_a_mount(scope: Scope, expected: str) -> None:
    assert root_path_of(scope) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"client": ("10.0.0.1", 50_000), "server": ("127.0.0.1", 8000)}, "10.0.0.1"),
        ({"client": None, "server": ("/run/router.sock", None)}, "unix"),
        ({"client": None, "server": ("127.0.0.1", 8000)}, ""),  # a connection that was reset at once
        ({}, ""),
    ],
)
def test_peer_is_the_other_end_of_the_connection(scope: Scope, expected: str) -> None:
    assert peer_of(scope) == expected


def test_all_other_names_in_the_scope_are_those_of_asgi_and_starlette() -> None:
    sources = [*ROOT.glob("routes/**/*.py"), *ROOT.glob("process/**/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.name != "scope.py")
    used = set(re.findall(r"""scope(?:\[|\.(?:get|pop|setdefault)\()["'](\w+)["']""", text))
    assert used - STANDARD == set()
    assert '" in scope' not in text.replace('"subprotocols" in scope', "")
