"""Removal of credentials from a request."""

from __future__ import annotations

from typing import Any

import pytest

from routes.middleware.authenticate import take_credentials

OTHER = (b"x-other", b"1")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], []),
        ([(b"authorization", b"Bearer a.b.c")], ["a.b.c"]),
        ([(b"authorization", b"  bearer   a  ")], ["a"]),
        ([(b"authorization", b"Bearer")], [""]),
        ([(b"authorization", b"BearerX")], []),
        ([(b"authorization", b"Bearer\ta")], []),
        ([(b"authorization", b"Basic YTpi")], []),
        ([(b"authorization", b"")], []),
        ([(b"x-api-key", b" a ")], ["a"]),
        ([(b"x-api-key", b"")], [""]),
        ([(b"x-api-key", b"a"), (b"authorization", b"Bearer b")], ["a", "b"]),
        ([(b"x-api-key", b"a"), (b"x-api-key", b"a")], ["a", "a"]),
        ([(b"x-api-key", b"\xe9\x00")], ["é\0"]),
        ([(b"sec-websocket-protocol", b"bearer.a.b.c")], ["a.b.c"]),
        ([(b"sec-websocket-protocol", b"bearer.a"), (b"sec-websocket-protocol", b"bearer.b, bearer.")], ["a", "b", ""]),
    ],
)
def test_every_credential_is_returned_and_removed(headers: list[tuple[bytes, bytes]], found: list[str]) -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [OTHER, *headers]}
    assert take_credentials(scope) == found
    assert scope["headers"] == [OTHER]


def test_other_subprotocols_remain() -> None:
    offered = [(b"sec-websocket-protocol", b"multi-mcp , bearer.a"), (b"sec-websocket-protocol", b"x,y")]
    protocols = ["multi-mcp", "bearer.a", "x", "y"]
    scope: dict[str, Any] = {"type": "websocket", "headers": [OTHER, *offered], "subprotocols": protocols}
    assert take_credentials(scope) == ["a"]
    assert scope["headers"] == [
        OTHER,
        (b"sec-websocket-protocol", b"multi-mcp"),
        (b"sec-websocket-protocol", b"x, y"),
    ]
    assert scope["subprotocols"] == ["multi-mcp", "x", "y"]


def test_headers_without_a_credential_are_not_copied() -> None:
    headers = [OTHER]
    scope: dict[str, Any] = {"type": "http", "headers": headers}
    assert take_credentials(scope) == []
    assert scope["headers"] is headers
