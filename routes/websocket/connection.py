"""One open WebSocket: reads its frames, starts their calls, and closes the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.call import idempotency_key, request_id
from gateway.errors import GatewayError, InvalidRequest, Unavailable
from gateway.server import Callee
from routes.errors import of_refusal
from routes.json_api.call import tool_call
from routes.websocket.call import SocketCall
from routes.websocket.frames import Id, error_frame, parse_frame, parse_id
from routes.websocket.identity import Identity, Use
from routes.websocket.outgoing import Outgoing

Find = Callable[[Mapping[str, Any]], tuple[Callee, str]]
"""Returns the server and the tool that a frame calls. Raises GatewayError."""

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
IDLE_TIMEOUT = 4408
"""A private code, after HTTP's 408."""

FRAMES_PER_TURN = 16
"""Frames that are handled before other connections get their turn."""

_SHUTTING_DOWN = "The router is shutting down."


@dataclass(frozen=True)
class SocketLimits:
    """Bytes in a frame, open connections of the process, calls in flight on each, and seconds.

    One caller may have `share` of the connections. `strangers` have not authenticated yet; they have places of their
    own, few of them at one address. A connection is closed after `idle` seconds without a frame or a call, and after
    `authentication` seconds without a valid token.
    """

    frame: int
    connections: int = 10_000
    in_flight: int = 100
    idle: float = 300.0
    authentication: float = 10.0
    share: float = 1.0
    strangers: int = 100
    strangers_of_address: int = 8


class Connection:
    """Must be created and run by the connection's own task, once."""

    def __init__(self, find: Find, scope: Scope, send: Send, limits: SocketLimits, identity: Identity) -> None:
        self._find = find
        self._scope = scope
        self._limits = limits
        self._identity = identity
        self._outgoing = Outgoing(send, partial(self._close, POLICY_VIOLATION, "The client does not read."))
        self._calls: dict[Id | None, SocketCall] = {}
        self._request_id = request_id.get()
        self._loop = asyncio.get_running_loop()
        self._last_activity = self._loop.time()
        self._ending: str | None = None
        self._closing: tuple[int, str] | None = None
        self._task = asyncio.current_task()
        self._timers = [self._loop.call_later(limits.idle, self._check_idle)]
        if identity.is_anonymous:
            self._timers.append(self._loop.call_later(limits.authentication, self._check_authenticated))

    async def run(self, receive: Receive) -> None:
        """Returns when the client has disconnected, or the router has closed the connection."""
        try:
            await self._read(receive)
            self._outgoing.is_closed = True
        except asyncio.CancelledError:
            if self._closing is None:  # not by `_close`: the process ends, and the grace for calls in flight is over
                self._closing = GOING_AWAY, _SHUTTING_DOWN
        self._task = None
        for timer in self._timers:
            timer.cancel()
        await self._cancel_calls()
        if self._closing is not None:
            await self._outgoing.close(*self._closing)

    def end(self, reason: str = _SHUTTING_DOWN) -> None:
        """Closes the connection when the calls in flight are answered, and refuses further calls."""
        self._ending = reason
        if not self._calls:
            self._close(GOING_AWAY, reason)

    def use(self) -> Use:
        return Use(self._request_id, self._identity.name, self._last_activity, len(self._calls))

    @property
    def is_anonymous(self) -> bool:
        return self._identity.is_anonymous

    def give_way(self) -> None:
        """Closes a connection that has not authenticated yet, for another one."""
        self._identity.refuse()
        self._close(TRY_AGAIN_LATER, "Too many connections wait for a token.")

    async def _read(self, receive: Receive) -> None:
        number = 0
        while (message := await receive())["type"] != "websocket.disconnect":
            number += 1
            self._last_activity = self._loop.time()
            request_id.set(f"{self._request_id}-{number}")
            await self._handle(message)
            # Frames may be handled without a single wait. Other tasks run, and a cancellation by `_close` takes effect,
            # only when this task waits.
            if number % FRAMES_PER_TURN == 0 or self._closing is not None:
                await asyncio.sleep(0)

    async def _handle(self, message: Message) -> None:
        id_ = None
        try:
            frame = parse_frame(message, self._identity.frame_limit)
            id_ = parse_id(frame)
            if "token" in frame:
                await self._outgoing.send(await self._identity.authenticate(id_, frame["token"]))
                return
            await self._identity.check()
            if "cancel" in frame:
                self._cancel(id_, frame)
            else:
                await self._outgoing.writable()
                self._start(id_, frame)
        except GatewayError as exc:
            await self._outgoing.send(error_frame(id_, of_refusal(exc, None)))
        if self._identity.is_refused:
            self._close(POLICY_VIOLATION, "The credential was refused.")

    def _start(self, id_: Id | None, frame: Mapping[str, Any]) -> None:
        if id_ in self._calls:
            which = "without an `id`" if id_ is None else "with this `id`"
            raise InvalidRequest(f"A call {which} is in flight on this connection.")
        if self._ending is not None:
            raise Unavailable(self._ending)
        if len(self._calls) >= self._limits.in_flight:
            raise Unavailable(f"At most {self._limits.in_flight} calls may be in flight on one connection.")
        server, tool = self._find(frame)
        call = tool_call(frame, server, tool, "ws", self._scope)
        if "idempotencyKey" in frame:
            call.idempotency_key = idempotency_key(frame["idempotencyKey"])
        self._calls[id_] = SocketCall(id_, server, call, self._outgoing, self._finished)

    def _cancel(self, id_: Id | None, frame: Mapping[str, Any]) -> None:
        if frame["cancel"] is not True:
            raise InvalidRequest("`cancel` must be true.")
        if id_ in self._calls:  # no error otherwise: the answer may have crossed the frame on its way
            self._calls[id_].cancel()

    def _finished(self, id_: Id | None) -> None:
        del self._calls[id_]
        self._last_activity = self._loop.time()
        if self._ending is not None and not self._calls:
            self._close(GOING_AWAY, self._ending)

    async def _cancel_calls(self) -> None:
        """Cancels the calls in flight and waits until each has sent its last frame, if the connection is still open."""
        calls = [*self._calls.values()]
        code, reason = self._closing or (GOING_AWAY, _SHUTTING_DOWN)
        for call in calls:
            call.cancel("unavailable" if code == GOING_AWAY else "cancelled", reason)
        if calls:
            await asyncio.wait([call.task for call in calls])

    def _check_idle(self) -> None:
        left = self._last_activity + self._limits.idle - self._loop.time()
        if self._calls or left > 0:
            self._timers[0] = self._loop.call_later(self._limits.idle if self._calls else left, self._check_idle)
        else:
            self._close(IDLE_TIMEOUT, f"No frame and no call for {self._limits.idle:g} seconds.")

    def _check_authenticated(self) -> None:
        if self._identity.is_anonymous:
            self._identity.refuse()
            self._close(POLICY_VIOLATION, f"No token within {self._limits.authentication:g} seconds.")

    def _close(self, code: int, reason: str) -> None:
        """Interrupts `run`, which then cancels the calls and closes."""
        if self._closing is None and self._task is not None:
            self._closing = code, reason
            self._task.cancel()
