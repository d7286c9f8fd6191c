"""The resources that sessions watch at a server of this process, whose own code handles `resources/subscribe`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.subscriptions import ResourceUpdated

from gateway.sdk.changes.notifier import Notifier
from gateway.sdk.internals import connection_of

MAX_OF_SESSION = 100
"""Resources of one session of whose changes in other sessions and processes it is told."""

_SUBSCRIBE, _UNSUBSCRIBE = "resources/subscribe", "resources/unsubscribe"


@dataclass(slots=True)
class _Session:
    notifier: Notifier
    uris: set[str] = field(default_factory=set)


class Watched:
    """Sessions by the state of their connection, until they close."""

    def __init__(self) -> None:
        self._sessions: dict[int, _Session] = {}

    @property
    def uris(self) -> Collection[str]:
        return {uri for session in self._sessions.values() for uri in session.uris}

    def note(self, ctx: ServerRequestContext[Any, Any]) -> None:
        """Takes a request that the server's code has answered."""
        if ctx.method not in (_SUBSCRIBE, _UNSUBSCRIBE):
            return
        connection, uri = connection_of(ctx), str((ctx.params or {}).get("uri"))
        number = id(connection.state)
        session = self._sessions.get(number)
        if session is None and connection.has_standalone_channel:
            session = self._sessions[number] = _Session(Notifier(connection))
            connection.exit_stack.callback(self._sessions.pop, number, None)
        if session is not None and ctx.method == _UNSUBSCRIBE:
            session.uris.discard(uri)
        elif session is not None and len(session.uris) < MAX_OF_SESSION:
            session.uris.add(uri)

    def tell(self, event: ResourceUpdated, but: int | None = None) -> None:
        """Tells those who watch the resource, but the session whose state has the id `but`."""
        for number, session in self._sessions.items():
            if event.uri in session.uris and number != but:
                session.notifier.tell(event)
