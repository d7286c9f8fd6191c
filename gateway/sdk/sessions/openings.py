"""Sessions and streams of one native endpoint: which callers may open them, how often, and how many at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import ServerRequestContext
from starlette.types import ASGIApp

from gateway.caller import Caller, caller
from gateway.errors import Forbidden, GatewayError
from gateway.places import Places, part
from gateway.sdk.internals import unbounded_listen
from gateway.sdk.native import protocol_error
from gateway.sdk.sessions.clients import Clients

LISTEN = "subscriptions/listen"
CountOpening = Callable[[str, Caller], Coroutine[Any, Any, None]]
"""Counts an opening at a server, empty for all servers, in the caller's rate limit. Raises GatewayError."""


class Openings:
    """Admits openings at `server`, or over all servers if it is empty.

    `may_use` returns True for a caller who may use anything there. There are as many places for streams as for
    sessions, and `share` of each is one caller's.
    """

    def __init__(
        self,
        server: str,
        may_use: Callable[[Caller], bool],
        limit: int,
        share: float,
        count: CountOpening | None,
        *,
        clients: Clients | None = None,
    ) -> None:
        self._server = server
        self._may_use = may_use
        self._count = count
        self._clients = clients
        self.sessions = Places(limit, part(limit, share), "open sessions")
        self.streams = Places(limit, part(limit, share), "open streams")

    def watched(self, app: ASGIApp, is_open: Callable[[str], bool]) -> ASGIApp:
        """Returns the endpoint's application, which notes what clients hold open if anybody may look at it."""
        return app if self._clients is None else self._clients.around(self._server, app, is_open)

    async def admit(self) -> None:
        """Raises GatewayError if the caller may not open a session or a stream now."""
        who = caller.get()
        if not self._may_use(who):
            raise Forbidden(self._server, None, f"{self._server or '*'}:*")
        if self._count is not None:
            await self._count(self._server, who)


class Listen:
    """The handler of `subscriptions/listen`, with the admission and the places of `openings`."""

    def __init__(self, handler: Callable[[Any, Any], Coroutine[Any, Any, Any]] | None, openings: Openings) -> None:
        self._handler = handler
        self._openings = openings
        self._open: dict[object, Sequence[str]] = {}

    async def __call__(self, ctx: ServerRequestContext[Any, Any], params: Any) -> Any:
        assert self._handler is not None
        who, stream = caller.get(), object()
        try:
            await self._openings.admit()
            self._openings.streams.take(who)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        wanted = getattr(params, "notifications", None)  # the handler may be an author's own, with any parameters
        self._open[stream] = getattr(wanted, "resource_subscriptions", None) or ()
        try:
            return await self._handler(ctx, params)
        finally:
            del self._open[stream]
            self._openings.streams.give_back(who)

    def watched(self) -> Collection[str]:
        """Returns the resources of all open streams."""
        return {uri for uris in self._open.values() for uri in uris}

    def close(self) -> None:
        """Ends each open stream with its final result, as the specification says."""
        close = getattr(self._handler, "close", None)
        if close is not None:
            close()


def bound_listen(server: LowLevelServer[Any], openings: Openings) -> Listen:
    """Puts `Listen` around the server's handler, if it has one."""
    entry = server.get_request_handler(LISTEN)
    if entry is None:
        return Listen(None, openings)
    listen = Listen(unbounded_listen(entry.handler), openings)
    server.add_request_handler(LISTEN, entry.params_type, listen)
    return listen
