"""The caller of a WebSocket, authenticated by the handshake's credential or by a frame with a token."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, InvalidRequest, Unauthenticated
from gateway.telemetry.refusals import Refused
from routes.scope import FRAME_LIMIT, PROOF, Proof
from routes.websocket.frames import Id, caller_frame
from routes.websocket.places import SocketPlace

ANONYMOUS_FRAME_LIMIT = 16 * 1024
"""The bytes of a frame before the client has authenticated: enough for a token."""


class Use(NamedTuple):
    """An open connection as people see it: `used` is the time of its last frame, on the loop's clock."""

    id: str
    caller: str | None
    used: float
    in_flight: int


class Authenticator(Protocol):
    async def authenticate(self, credential: str) -> Caller:
        """Raises GatewayError."""
        ...


class Identity:
    """Verifies the credential again before each call, so that a revoked key is useless on an open connection too.

    `enter` sets the caller in the connection's task, and the tasks of its calls inherit it. Without an `authenticator`
    no client has to authenticate.
    """

    def __init__(
        self,
        limit: int,
        authenticator: Authenticator | None,
        enter: Callable[[Caller], Any],
        place: SocketPlace,
        scope: Scope,
        *,
        refused: Refused,
    ) -> None:
        self._limit = limit
        self._authenticator = authenticator
        self._enter = enter
        self._refused = refused
        self._place = place
        self._proof = PROOF.pop(scope)  # removed, because it holds the credential and tools can read the scope
        self._set_frame_limit = FRAME_LIMIT.get(scope)
        self.is_anonymous, self.name = caller.get().is_anonymous, caller.get().name
        self.is_refused = False
        self._limit_frames()

    @property
    def frame_limit(self) -> int:
        """The bytes that a frame may have."""
        return min(self._limit, ANONYMOUS_FRAME_LIMIT) if self.is_anonymous else self._limit

    async def authenticate(self, id_: Id | None, token: Any) -> bytes:
        """Returns the answer to a frame with a token. Raises GatewayError."""
        if type(token) is not str:
            raise InvalidRequest("`token` must be a string.")
        if self._authenticator is None:
            return caller_frame(id_, None)
        proof = partial(self._authenticator.authenticate, token)
        await self._verify(proof)
        self._proof = proof
        self.is_anonymous = False
        self._limit_frames()
        return caller_frame(id_, caller.get().name)

    async def check(self) -> None:
        """Verifies the caller before a call. Raises GatewayError if it may not call."""
        if self.is_anonymous:
            raise Unauthenticated("Authenticate first, by a frame with `id` and `token`.")
        if self._proof is not None:
            await self._verify(self._proof)

    def refuse(self, reason: str = Unauthenticated.slug) -> None:
        """Marks the connection to be closed, and records why."""
        self.is_refused = True
        self._refused(reason)

    async def _verify(self, proof: Proof) -> None:
        try:
            who = await proof()
        except GatewayError as exc:
            if exc.slug != "unavailable":  # an issuer that is down now may answer before the next frame
                self.refuse(exc.slug)
            raise
        self.name = who.name
        self._place.move(who)
        self._enter(who)

    def _limit_frames(self) -> None:
        # The application sees a frame only when the server holds all of it, so the server must enforce the limit too.
        # Its own is higher: frames in between get a problem document, longer ones close the connection.
        if self._set_frame_limit is not None:
            self._set_frame_limit(4 * self.frame_limit)
