"""Answers as an event stream, by the "distinct connections mode" of GraphQL over server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.cancellation import was_requested
from gateway.graphql.calls import Calls
from gateway.graphql.documents import Refused
from gateway.graphql.execution import SUBSCRIPTION, Emit, Execution
from gateway.graphql.graphs import Graph
from routes.errors import document
from routes.graphql.answers import of_problem, refused
from routes.json_api.disconnect import while_connected
from routes.json_api.stream import KEEP_ALIVE, Events

logger = logging.getLogger(__name__)


async def answers(graph: Graph, execution: Execution, calls: Calls, deadline: float, emit: Emit) -> None:
    """Calls `emit` with each answer of an operation; all but those of a subscription are one."""
    try:
        if execution.kind == SUBSCRIPTION:
            await graph.stream(execution, calls, deadline, emit)
        else:
            await emit(await graph.execute(execution, calls, deadline))
    except Refused as exc:
        await emit(refused(exc.errors))


class Stream:
    """Sends `next` events and, at the end, `complete`. A client that leaves cancels the calls."""

    def __init__(self, run: Callable[[Emit], Coroutine[Any, Any, None]]) -> None:
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        events = Events(send)
        await events.begin()
        beat = asyncio.create_task(events.keep_alive(KEEP_ALIVE))
        emit = partial(events.send, "next")
        try:
            await while_connected(receive, self._run(emit))
        except ClientDisconnect:
            return
        except GeneratorExit:
            raise
        except BaseException as exc:  # the answer has begun, so nothing further out can tell the client
            await emit(failure(exc))
        finally:
            beat.cancel()
        await events.end("complete", b"")


def failure(exc: BaseException) -> bytes:
    """Returns the answer to an operation that did not end: the process ends, or the fault is ours."""
    if isinstance(exc, asyncio.CancelledError) and was_requested(exc):
        return of_problem(document("unavailable", "The router is shutting down.", retryAfter=1))
    logger.exception("A streamed GraphQL operation failed")
    return of_problem(document("internal-error", "The log has the reason under the request id."))
