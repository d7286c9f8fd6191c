"""The SDK's session manager of one endpoint, with bounds and with an event store for each session."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.streamable_http import GET_STREAM_KEY, EventStore, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from gateway.caller import Caller, caller
from gateway.places import Places
from gateway.sdk.request_body import BoundedBody, field_of, is_initialize, reread
from gateway.sdk.sessions.clients import SESSION, Clients
from gateway.sdk.sessions.events import EventLimits, Events, SessionEvents
from gateway.sdk.sessions.get_streams import GetStreams
from gateway.sdk.sessions.openings import CountOpening, Openings

json_alone: ContextVar[bool] = ContextVar("json_alone", default=False)
"""True if the client of a native request accepts JSON but no events. Set by the endpoint at each request."""

_LAST_EVENT = b"last-event-id"


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server. Times are seconds, `max_body` and `max_result` are bytes.

    A stateless server has no sessions or events. `retry_interval` is the delay after which a client that lost its
    stream connects again. `waiting_calls` are those that wait for input from their client; `all_waiting` has the places
    for those of all servers. `share` is the part of each bound that one caller may hold. `count_opening` counts a
    session or a stream in the caller's rate limit. `clients` notes what clients hold open.
    """

    threads: int
    max_body: int
    max_result: int
    stateless: bool
    max_sessions: int
    session_idle_timeout: float
    input_timeout: float
    waiting_calls: int = 100
    all_waiting: Places | None = None
    share: float = 1.0
    count_opening: CountOpening | None = None
    clients: Clients | None = None
    retry_interval: float = 1.0
    events: EventLimits = field(default_factory=EventLimits)


class SessionManager(StreamableHTTPSessionManager):
    """The SDK's manager with admission, and with an event store for each session.

    The SDK reads `event_store` once for each session that it opens, and hands the store only request ids, which
    every session counts from 1. With one store for all, a client could replay another client's events.
    """

    def __init__(
        self,
        app: LowLevelServer[Any],
        new_store: Callable[[], EventStore] | None,
        openings: Openings,
        **options: Any,
    ) -> None:
        self._new_store = new_store
        self._openings = openings
        self._holders: dict[str, Caller] = {}
        self._gets = GetStreams()
        super().__init__(app, max_sessions=None, **options)
        handle = openings.watched(self._handle_request, lambda session: session in self._server_instances)
        self.asgi_app = BoundedBody(handle, self.max_request_body_size)  # type: ignore[assignment]

    @property
    def event_store(self) -> EventStore | None:
        return self._new_store() if self._new_store is not None else None

    @event_store.setter
    def event_store(self, store: EventStore | None) -> None:
        """Ignores the default that the base class sets."""

    @property
    def json_response(self) -> bool:
        """True if the answer must be JSON, without reports and without requests to the client.

        The SDK reads it at each modern or stateless request, and at the opening of a session, for all of its answers.
        """
        return json_alone.get()

    @json_response.setter
    def json_response(self, value: bool) -> None:
        """Ignores the default that the base class sets."""

    def end_streams(self) -> None:
        """Closes the streams that sessions hold open with a GET, as at their end."""
        for transport in list(self._server_instances.values()):
            transport.close_standalone_sse_stream()

    @property
    def open_sessions(self) -> int:
        return len(self._server_instances)

    async def _handle_stateful_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admits a request that opens a session, and counts a GET, which opens a stream.

        An `initialize` opens a session also if it names one that its client does not have, or has no more.

        Raises:
            GatewayError: before anything is sent.
        """
        session = field_of(scope, SESSION)
        is_own = session is not None and self._is_own(session, scope)
        if session is not None and not is_own and scope["method"] == "POST":
            body, receive = await reread(receive)
            if is_initialize(body):
                scope["headers"] = [pair for pair in scope["headers"] if pair[0] != SESSION]
                session = None
        if session is None:
            await self._openings.admit()
        elif is_own and scope["method"] == "GET":
            await self._stream(session, scope, receive, send)
            return
        await super()._handle_stateful_request(scope, receive, send)

    def _is_own(self, session: str, scope: Scope) -> bool:
        """Returns True if the session is open, and was opened with the credential of this request."""
        user = scope.get("user")
        who = authorization_context(user) if isinstance(user, AuthenticatedUser) else None
        return session in self._server_instances and self._session_owners.get(session) == who

    async def _stream(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a GET with the stream that it opens or resumes. An earlier GET of the same stream ends."""
        who, key = caller.get(), (session, self._stream_of(session, scope))
        await self._gets.end(key)
        self._openings.streams.take(who)
        try:
            stream = partial(super()._handle_stateful_request, scope, receive)
            await self._gets.run(key, stream, send)
        finally:
            self._openings.streams.give_back(who)

    def _stream_of(self, session: str, scope: Scope) -> str:
        """Returns the name of the stream that a GET opens, or of the one that it resumes."""
        store, last = self._server_instances[session]._event_store, field_of(scope, _LAST_EVENT)
        if not last:
            return GET_STREAM_KEY
        return (isinstance(store, SessionEvents) and store.stream_of(last)) or last

    async def _handle_stateless_request(self, version: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Admits an `initialize`, which opens no session but costs as much. Raises GatewayError as above."""
        body, receive = await reread(receive)
        if is_initialize(body):
            await self._openings.admit()
        await super()._handle_stateless_request(version, scope, receive, send)

    def _admit_session(self, requestor: Any) -> StreamableHTTPServerTransport | None:
        who = caller.get()
        self._openings.sessions.take(who)
        try:
            transport = super()._admit_session(requestor)
            assert transport is not None
            assert transport.mcp_session_id is not None
        except BaseException:  # whatever it is, no session was opened
            self._openings.sessions.give_back(who)
            raise
        self._holders[transport.mcp_session_id] = who
        return transport

    async def _discard_session(self, session_id: str, transport: StreamableHTTPServerTransport) -> None:
        """Is called at each end of a session, whichever it is, and may be called again."""
        who = self._holders.pop(session_id, None)
        if who is not None:
            self._openings.sessions.give_back(who)
        await super()._discard_session(session_id, transport)


def openings_at(server: str, may_use: Callable[[Caller], bool], limits: Limits) -> Openings:
    """Returns the openings of the endpoint of `server`, or of the one over all servers if it is empty."""
    return Openings(server, may_use, limits.max_sessions, limits.share, limits.count_opening, clients=limits.clients)


def session_manager(server: LowLevelServer[Any], limits: Limits, openings: Openings) -> SessionManager:
    if limits.stateless:
        return SessionManager(server, None, openings, stateless=True, max_request_body_size=limits.max_body)
    events = Events(limits.events)
    return SessionManager(
        server,
        events.new_store,
        openings,
        retry_interval=round(limits.retry_interval * 1000),  # milliseconds
        session_idle_timeout=limits.session_idle_timeout,
        max_request_body_size=limits.max_body,
    )
