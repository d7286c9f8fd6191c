"""Who is asking on a WebSocket: known by the handshake's own credential, or by a token in a frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from starlette.types import Scope

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, InvalidRequest, Unauthenticated
from gateway.telemetry.refusals import Refused
from routes.scope import FRAME_LIMIT, PROOF, Proof
from routes.websocket.frames import Id, identified

STRANGERS_FRAME = 16 * 1024
"""The bytes of a frame of somebody who has not said who it is: enough for a token."""


class Authenticator(Protocol):
    async def authenticate(self, credential: str) -> Caller:
        """Raises GatewayError."""
        ...


class Identity:
    """Who asks is asked again before each call: a key that was revoked is of no use on a connection that is open.

    `enter` makes the caller known in the connection's task; its calls inherit that. Without an `authenticator`
    nobody needs to say who it is.
    """

    def __init__(
        self,
        limit: int,
        authenticator: Authenticator | None,
        enter: Callable[[Caller], Any],
        refused: Refused,
        scope: Scope,
    ) -> None:
        self._limit = limit
        self._authenticator = authenticator
        self._enter = enter
        self._refused = refused
        self._proof = PROOF.pop(scope)  # it has the credential, which nobody else is to see
        self._set_frame_limit = FRAME_LIMIT.get(scope)
        self.is_stranger = caller.get().is_unknown
        self.is_refused = False
        self._bound_frames()

    @property
    def frame_limit(self) -> int:
        """The bytes that a frame may have."""
        return min(self._limit, STRANGERS_FRAME) if self.is_stranger else self._limit

    async def prove(self, id_: Id, token: Any) -> bytes:
        """The answer to a frame with a token. Raises GatewayError."""
        if type(token) is not str:
            raise InvalidRequest("`token` must be a string.")
        if self._authenticator is None:
            return identified(id_, None)
        proof = partial(self._authenticator.authenticate, token)
        await self._ask(proof)
        self._proof = proof
        self.is_stranger = False
        self._bound_frames()
        return identified(id_, caller.get().name)

    async def check(self) -> None:
        """Before each call. Raises GatewayError where it may not be made."""
        if self.is_stranger:
            raise Unauthenticated("Say first who you are, by a frame with `id` and `token`.")
        if self._proof is not None:
            await self._ask(self._proof)

    def refuse(self, reason: str = Unauthenticated.slug) -> None:
        """The connection is to be closed."""
        self.is_refused = True
        self._refused(reason)

    async def _ask(self, proof: Proof) -> None:
        """What cannot be told now may be told later; everything else ends the connection."""
        try:
            self._enter(await proof())
        except GatewayError as exc:
            if exc.slug != "unavailable":
                self.refuse(exc.slug)
            raise

    def _bound_frames(self) -> None:
        """In our server, too, with room for a problem document about a frame that is somewhat longer."""
        if self._set_frame_limit is not None:
            self._set_frame_limit(4 * self.frame_limit)
