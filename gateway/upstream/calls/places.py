"""The place of a native client's requests: the link that they take."""

from __future__ import annotations

from mcp.server.connection import Connection

from gateway.caller import caller
from gateway.upstream.backend import Backend
from gateway.upstream.versions.backends import Backends


def place_of(current: Backends, backend: Backend, connection: Connection) -> str:
    """Returns the place of the requests of a client at one of the backends. The links of a session end with it."""
    session = connection.session_id
    if session is None:
        return backend.place(caller.get().key)
    place = backend.place(session)
    if place == session:
        noted: set[Backends] = connection.state.setdefault(_KEY, set())
        if current not in noted:
            noted.add(current)
            connection.exit_stack.callback(current.drop, place)
    return place


_KEY = "upstream links of its own"
