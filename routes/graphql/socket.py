"""GraphQL over a WebSocket: the protocol `graphql-transport-ws`, within the bounds of all WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from gateway.call import request_id
from gateway.errors import GatewayError, InvalidRequest, Unavailable
from gateway.graphql.execution import Emit
from routes.graphql.operation import Operation, Run
from routes.websocket.connection import FRAMES_PER_TURN, GOING_AWAY, IDLE_TIMEOUT, POLICY_VIOLATION, SocketLimits
from routes.websocket.endpoint import Speaks
from routes.websocket.frames import parse_frame
from routes.websocket.identity import Identity, Use
from routes.websocket.outgoing import Outgoing

SUBPROTOCOL = "graphql-transport-ws"
INVALID, UNAUTHORIZED, FORBIDDEN, NOT_ACCEPTABLE = 4400, 4401, 4403, 4406
LATE, TAKEN, AGAIN = 4408, 4409, 4429
"""The codes by which the protocol closes a connection."""

MAX_ID = 128
Start = Callable[[Scope, Mapping[str, Any]], Run]
"""Returns what runs the operation in a payload."""


class Ended(Exception):
    """The connection is to be closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class GraphQLSocket:
    """One connection. Must be created and run by the connection's own task, once."""

    def __init__(self, start: Start, scope: Scope, send: Send, limits: SocketLimits, identity: Identity) -> None:
        self._start, self._scope, self._limits = start, scope, limits
        self._identity = identity
        self._outgoing = Outgoing(send, partial(self._end, POLICY_VIOLATION, "The client does not read."))
        self._operations: dict[str, Operation] = {}
        self._request_id = request_id.get()
        self._is_open = self._is_ending = False
        self._closing: tuple[int, str] | None = None
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._last_activity = loop.time()
        self._timers = [
            loop.call_later(limits.idle, self._check_idle),
            loop.call_later(limits.authentication, self._check_open),
        ]

    @property
    def is_anonymous(self) -> bool:
        return self._identity.is_anonymous

    def use(self) -> Use:
        return Use(self._request_id, self._identity.name, self._last_activity, len(self._operations))

    def give_way(self) -> None:
        """Closes a connection that has not authenticated yet, for another one."""
        self._identity.refuse()
        self._end(UNAUTHORIZED, "Too many connections wait for a token.")

    def end(self, reason: str = "The router is shutting down.") -> None:
        """Closes the connection when its operations are over, and refuses further ones."""
        self._is_ending = True
        if not self._operations:
            self._end(GOING_AWAY, reason)

    async def run(self, receive: Receive) -> None:
        """Returns when the client has disconnected, or the router has closed the connection."""
        try:
            await self._read(receive)
            self._outgoing.is_closed = True
        except Ended as exc:
            self._closing = exc.code, str(exc)
        except asyncio.CancelledError:
            self._closing = self._closing or (GOING_AWAY, "The router is shutting down.")
        self._task = None
        for timer in self._timers:
            timer.cancel()
        tasks = [operation.task for operation in self._operations.values()]
        for operation in [*self._operations.values()]:
            operation.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._closing is not None:
            await self._outgoing.close(*self._closing)

    async def _read(self, receive: Receive) -> None:
        number = 0
        while (message := await receive())["type"] != "websocket.disconnect":
            number += 1
            self._last_activity = asyncio.get_running_loop().time()
            request_id.set(f"{self._request_id}-{number}")
            try:
                await self._handle(parse_frame(message, self._identity.frame_limit))
            except GatewayError as exc:
                is_invalid = self._is_open and not self._identity.is_refused
                raise Ended(INVALID if is_invalid else FORBIDDEN, str(exc)[:100]) from exc
            if number % FRAMES_PER_TURN == 0 or self._closing is not None:
                await asyncio.sleep(0)

    async def _handle(self, message: Mapping[str, Any]) -> None:
        kind, payload = message.get("type"), message.get("payload") or {}
        if kind == "connection_init":
            await self._open(payload)
        elif kind == "ping":
            await self._outgoing.send(b'{"type":"pong"}')
        elif kind == "complete":
            if (operation := self._operations.get(str(message.get("id")))) is not None:
                operation.cancel()
        elif kind == "subscribe":
            await self._subscribe(message.get("id"), payload)
        elif kind != "pong":
            raise Ended(INVALID, "Unknown type of message.")

    async def _open(self, payload: Any) -> None:
        if self._is_open:
            raise Ended(AGAIN, "Too many initialisation requests")
        given = payload.get("authorization", payload.get("Authorization")) if isinstance(payload, dict) else None
        if given is not None:
            token = given.removeprefix("Bearer ") if isinstance(given, str) else given
            await self._identity.authenticate(None, token)
        elif self._identity.is_anonymous:
            raise Ended(FORBIDDEN, "Forbidden")
        self._is_open = True
        await self._outgoing.send(b'{"type":"connection_ack"}')

    async def _subscribe(self, id_: Any, payload: Any) -> None:
        if not self._is_open:
            raise Ended(UNAUTHORIZED, "Unauthorized")
        if type(id_) is not str or not 0 < len(id_) <= MAX_ID or not isinstance(payload, dict):
            raise InvalidRequest(f"`id` must be a text of at most {MAX_ID} characters, and `payload` an object.")
        if id_ in self._operations:
            raise Ended(TAKEN, f"Subscriber for {id_[:40]} already exists")
        await self._identity.check()
        await self._outgoing.writable()
        is_full = self._is_ending or len(self._operations) >= self._limits.in_flight
        run = partial(_refuse, self._limits.in_flight) if is_full else self._start(self._scope, payload)
        self._operations[id_] = Operation(to_json(id_), run, self._outgoing, partial(self._finished, id_))

    def _finished(self, id_: str) -> None:
        del self._operations[id_]
        self._last_activity = asyncio.get_running_loop().time()
        if self._is_ending and not self._operations:
            self._end(GOING_AWAY, "The router is shutting down.")

    def _check_idle(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._last_activity + self._limits.idle - loop.time()
        if self._operations or left > 0:
            self._timers[0] = loop.call_later(self._limits.idle if self._operations else left, self._check_idle)
        else:
            self._end(IDLE_TIMEOUT, f"No message and no operation for {self._limits.idle:g} seconds.")

    def _check_open(self) -> None:
        if not self._is_open:
            self._end(LATE, "Connection initialisation timeout")

    def _end(self, code: int, reason: str) -> None:
        """Interrupts `run`, which then cancels the operations and closes."""
        if self._closing is None and self._task is not None:
            self._closing = code, reason
            self._task.cancel()


async def _refuse(most: int, emit: Emit) -> None:
    raise Unavailable(f"At most {most} operations may be in flight on one connection, and none when it ends.")


def speaking(start: Start) -> Speaks:
    """Returns the protocol of connections at the URL of GraphQL."""
    return Speaks(SUBPROTOCOL, partial(GraphQLSocket, start), (NOT_ACCEPTABLE, "Subprotocol not acceptable"))
