"""The place of a native client's requests: the link that they take."""

from __future__ import annotations

from mcp.server.connection import Connection

from gateway.caller import caller
from gateway.upstream.backend import Backend


def place_of(backend: Backend, connection: Connection) -> str:
    """Returns the place of the requests of a client. The link of a session ends with it."""
    session = connection.session_id
    if session is None:
        return backend.place(caller.get().key)
    place = backend.place(session)
    if place == session:
        noted: set[int] = connection.state.setdefault(_KEY, set())
        if id(backend) not in noted:
            noted.add(id(backend))
            connection.exit_stack.callback(backend.drop, place)
    return place


_KEY = "upstream links of its own"
