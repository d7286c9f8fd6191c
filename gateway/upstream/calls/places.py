"""The place of a native client's requests: the link that they take."""

from __future__ import annotations

from mcp.server.connection import Connection

from gateway.caller import caller
from gateway.upstream.backend import Backend
from gateway.upstream.versions.backends import Backends


def place_of(current: Backends, backend: Backend, connection: Connection) -> str:
    """Returns the place of the requests of a client at one of the backends.

    What is kept upstream for a session ends with it.
    """
    session = session_of(connection)
    if connection.session_id is not None:
        noted: set[Backends] = connection.state.setdefault(_KEY, set())
        if current not in noted:
            noted.add(current)
            connection.exit_stack.callback(current.leave, session)
    return backend.place(session)


def session_of(connection: Connection) -> str:
    """Returns the session of a client; that of its caller if it has none."""
    return caller.get().key if connection.session_id is None else connection.session_id


_KEY = "upstream servers that keep something for the session"
