"""One open WebSocket: reads its frames, has their calls answered, and ends when it is to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.call import request_id
from gateway.errors import GatewayError, InvalidRequest, Unavailable
from gateway.server import Callee
from routes.errors import of_refusal
from routes.json_api.call import tool_call
from routes.websocket.call import Flight
from routes.websocket.frames import Id, error, frame_of, id_of
from routes.websocket.identity import Identity
from routes.websocket.outgoing import Outgoing

Find = Callable[[Mapping[str, Any]], tuple[Callee, str]]
"""Whom and what a frame calls. Raises GatewayError."""

GOING_AWAY = 1001
POLICY = 1008
IDLE = 4408
"""Ours, after HTTP's 408."""

_ENDING = "The router is shutting down."
_TURN = 16
"""Frames that are taken before others have their turn."""


@dataclass(frozen=True)
class SocketLimits:
    """The bounds of connections: bytes in a frame, open connections, calls in flight on each, and seconds.

    A connection is closed after `idle` seconds without a frame or a call, and after `authentication` seconds without
    a valid token.
    """

    frame: int
    connections: int = 10_000
    in_flight: int = 100
    idle: float = 300.0
    authentication: float = 10.0


class Connection:
    """`run` is awaited once, by the task of the connection."""

    def __init__(self, find: Find, scope: Scope, send: Send, limits: SocketLimits, identity: Identity) -> None:
        self._find = find
        self._scope = scope
        self._limits = limits
        self._identity = identity
        self._outgoing = Outgoing(send, self._stuck)
        self._flights: dict[Id, Flight] = {}
        self._request_id = request_id.get()
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._is_ending = False
        self._closing: tuple[int, str] | None = None
        self._task = asyncio.current_task()
        self._timers = [self._loop.call_later(limits.idle, self._check_idle)]
        if identity.is_stranger:
            self._timers.append(self._loop.call_later(limits.authentication, self._check_identity))

    async def run(self, receive: Receive) -> None:
        """Until the client leaves, or the connection is closed from here."""
        try:
            await self._read(receive)
            self._outgoing.is_closed = True
        except asyncio.CancelledError:
            if self._closing is None:  # the end of the process, which the calls in flight did not reach
                self._closing = GOING_AWAY, _ENDING
        self._task = None
        for timer in self._timers:
            timer.cancel()
        await self._land()
        if self._closing is not None:
            await self._outgoing.close(*self._closing)

    def end(self) -> None:
        """Close when the calls in flight are answered; take no further ones."""
        self._is_ending = True
        if not self._flights:
            self._close(GOING_AWAY, _ENDING)

    async def _read(self, receive: Receive) -> None:
        number = 0
        while (message := await receive())["type"] != "websocket.disconnect":
            number += 1
            self._last_heard = self._loop.time()
            request_id.set(f"{self._request_id}-{number}")
            await self._take(message)
            if number % _TURN == 0 or self._closing is not None:  # where `_close` is heard
                await asyncio.sleep(0)

    async def _take(self, message: Message) -> None:
        id_ = None
        try:
            frame = frame_of(message, self._identity.frame_limit)
            id_ = id_of(frame)
            if "token" in frame:
                await self._outgoing.send(await self._identity.prove(id_, frame["token"]))
                return
            await self._identity.check()
            if "cancel" in frame:
                self._cancel(id_, frame)
            else:
                await self._outgoing.ready()
                self._begin(id_, frame)
        except GatewayError as exc:
            await self._outgoing.send(error(id_, of_refusal(exc, None)))
        if self._identity.is_refused:
            self._close(POLICY, "The credential is not accepted.")

    def _begin(self, id_: Id, frame: Mapping[str, Any]) -> None:
        if id_ in self._flights:
            raise InvalidRequest("A call with this `id` is in flight on this connection.")
        if self._is_ending:
            raise Unavailable(_ENDING)
        if len(self._flights) >= self._limits.in_flight:
            raise Unavailable(
                f"{self._limits.in_flight} calls are in flight on this connection, which is all that may be."
            )
        server, tool = self._find(frame)
        call = tool_call(frame, server.name, tool, "ws", self._scope)
        self._flights[id_] = Flight(id_, server, call, self._outgoing, self._landed)

    def _cancel(self, id_: Id, frame: Mapping[str, Any]) -> None:
        """One that is answered already, or was never asked for, has nothing to be told."""
        if frame["cancel"] is not True:
            raise InvalidRequest("`cancel` must be true.")
        if id_ in self._flights:
            self._flights[id_].cancel()

    def _landed(self, id_: Id) -> None:
        del self._flights[id_]
        self._last_heard = self._loop.time()
        if self._is_ending and not self._flights:
            self._close(GOING_AWAY, _ENDING)

    async def _land(self) -> None:
        """Cancel what is in flight, and wait for it; where somebody still listens, each says so."""
        flights = [*self._flights.values()]
        code, reason = self._closing or (GOING_AWAY, _ENDING)
        for flight in flights:
            flight.cancel("unavailable" if code == GOING_AWAY else "cancelled", reason)
        if flights:
            await asyncio.wait([flight.task for flight in flights])

    def _check_idle(self) -> None:
        left = self._last_heard + self._limits.idle - self._loop.time()
        if self._flights or left > 0:
            delay = max(left, self._limits.idle) if self._flights else left
            self._timers[0] = self._loop.call_later(delay, self._check_idle)
        else:
            self._close(IDLE, f"No frame and no call for {self._limits.idle:g} seconds.")

    def _check_identity(self) -> None:
        if self._identity.is_stranger:
            self._identity.refuse()
            self._close(POLICY, f"No token within {self._limits.authentication:g} seconds.")

    def _stuck(self) -> None:
        self._close(POLICY, "The client does not read.")

    def _close(self, code: int, reason: str) -> None:
        """Interrupt the reading, wherever it is."""
        if self._closing is None and self._task is not None:
            self._closing = code, reason
            self._task.cancel()
