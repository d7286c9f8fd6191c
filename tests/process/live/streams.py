"""Streams and calls that stay open, in both eras of native MCP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests import wire
from tests.process.live.router import Router


@contextmanager
def listening(router: Router) -> Iterator[http.client.HTTPResponse]:
    """Opens a `subscriptions/listen` stream, and waits until it is acknowledged."""
    headers, body = wire.modern("subscriptions/listen", notifications={"toolsListChanged": True})
    with router.sent("POST", "/slow/mcp", headers, body) as stream:
        assert stream.readline() == b"event: message\r\n"
        assert b"acknowledged" in stream.readline()
        yield stream


@contextmanager
def calling_in_session(router: Router, **arguments: Any) -> Iterator[http.client.HTTPResponse]:
    session = router.session("slow")
    call = wire.request("tools/call", name="wait_tool", arguments=arguments)
    with router.sent("POST", "/slow/mcp", wire.in_session(session), call) as stream:
        yield stream


@contextmanager
def calling_statelessly(router: Router, **arguments: Any) -> Iterator[http.client.HTTPConnection]:
    headers, body = wire.modern("tools/call", name="wait_tool", arguments=arguments)
    connection = router.connection()
    connection.request("POST", "/slow/mcp", json.dumps(body), headers)
    try:
        yield connection
    finally:
        connection.close()


def rest(stream: http.client.HTTPResponse) -> str:
    """Returns the rest of a stream, even if it was cut off."""
    try:
        return stream.read().decode()
    except http.client.IncompleteRead as exc:
        return exc.partial.decode()
