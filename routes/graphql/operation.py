"""One operation on a WebSocket, from its first message to its last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException

from gateway.errors import GatewayError
from gateway.graphql.documents import Refused
from gateway.graphql.execution import Emit
from routes.errors import document, of_refusal, slug_of
from routes.graphql.answers import of_problem, refused
from routes.graphql.stream import failure
from routes.websocket.outgoing import Outgoing

Run = Callable[[Emit], Awaitable[None]]
"""Prepares an operation and calls `emit` with each of its answers.

Raises Refused, GatewayError or HTTPException before the first.
"""


class Operation:
    """Runs in its own task, which inherits the request id and the caller.

    `id_` is JSON. `finished` is called after the last message.
    """

    def __init__(self, id_: bytes, run: Run, outgoing: Outgoing, finished: Callable[[], None]) -> None:
        self._id = id_
        self._run = run
        self._outgoing = outgoing
        self._finished = finished
        self.task = asyncio.create_task(self._answer())

    def cancel(self) -> None:
        # Not at once: a task that is cancelled before its first step never runs, and would not be finished.
        asyncio.get_running_loop().call_soon(self.task.cancel)

    async def _answer(self) -> None:
        try:
            await self._run(self._next)
            await self._outgoing.send(b'{"type":"complete","id":%b}' % self._id)
        except Refused as exc:
            await self._error(refused(exc.errors))
        except GatewayError as exc:
            await self._error(of_problem(of_refusal(exc, None)))
        except HTTPException as exc:
            await self._error(of_problem(document(slug_of(exc.status_code), exc.detail)))
        except asyncio.CancelledError as exc:
            if not asyncio.current_task().cancelling():  # type: ignore[union-attr]  # of code that was cancelled
                await self._error(failure(exc))
        except Exception as exc:  # without an answer the client would wait for ever
            await self._error(failure(exc))
        finally:
            self._finished()

    async def _next(self, answer: bytes) -> None:
        await self._outgoing.send(b'{"type":"next","id":%b,"payload":%b}' % (self._id, answer))

    async def _error(self, body: bytes) -> None:
        errors = body.removeprefix(b'{"errors":').removesuffix(b"}")
        await self._outgoing.send(b'{"type":"error","id":%b,"payload":%b}' % (self._id, errors))
