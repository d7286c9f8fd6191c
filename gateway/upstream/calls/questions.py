"""Requests of an upstream to the client of one of our requests, for as long as that is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types import INTERNAL_ERROR, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY

from gateway.upstream.link import Ask, Origin, Params, Refusal

MAX_QUESTIONS = 100
"""Questions of one request that wait for their answers at once."""

ASKED = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
"""What a client is asked for in mid-call, and the capability that each needs."""

Reply = Callable[[dict[str, Any]], Awaitable[None]]
"""Sends the answer to one question: its `id`, and `result` or `error`."""


def not_asked(number: Any) -> dict[str, Any]:
    """Returns the answer to a question that nobody can be asked."""
    return {"id": number, "error": {"code": METHOD_NOT_FOUND, "message": "Method not found"}}


def undeclared(method: str, part: str | None = None) -> Refusal:
    """Returns the refusal of a question whose capability, or that `part` of it, the client has not declared."""
    capability = ASKED.get(method)
    if capability is None:
        return Refusal(METHOD_NOT_FOUND, "Method not found")
    parts: Params = {} if part is None else {part: {}}
    required = {"requiredCapabilities": {capability: parts}}
    return Refusal(
        MISSING_REQUIRED_CLIENT_CAPABILITY, "The client has not declared that it can be asked this.", required
    )


def _refusal(number: Any, exc: Refusal) -> dict[str, Any]:
    error = {"code": exc.code, "message": exc.message}
    return {"id": number, "error": error if exc.data is None else error | {"data": exc.data}}


class Questions:
    """Asks each in a task of its own, so that other messages of the upstream are taken meanwhile."""

    __slots__ = ("_ask", "_reply", "_tasks")

    def __init__(self, ask: Ask | None, reply: Reply) -> None:
        self._ask = ask
        self._reply = reply
        self._tasks: dict[Any, asyncio.Task[None]] = {}

    def take(self, number: Any, method: str, params: Params) -> bool:
        """Begins to ask. Returns False if the client cannot be asked, or is asked too much already."""
        is_id = isinstance(number, str) or type(number) is int
        if self._ask is None or not is_id or number in self._tasks or len(self._tasks) >= MAX_QUESTIONS:
            return False
        task = asyncio.ensure_future(self._answered(self._ask, number, method, params))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))
        return True

    def untaken(self, number: Any, method: str) -> dict[str, Any]:
        """Returns the answer to a question that was not taken."""
        return _refusal(number, undeclared(method)) if self._ask is None else not_asked(number)

    def withdraw(self, params: Params) -> bool:
        """Takes back a question that the upstream cancels. Returns False if it is none of these."""
        number = params.get("requestId")
        task = self._tasks.get(number) if isinstance(number, str | int) else None
        return task is not None and task.cancel()

    def close(self) -> None:
        """Takes all questions back: the request is over."""
        for task in tuple(self._tasks.values()):
            task.cancel()

    async def _answered(self, ask: Ask, number: Any, method: str, params: Params) -> None:
        answer: dict[str, Any]
        try:
            answer = {"result": await ask(method, params)}
        except Refusal as exc:
            answer = _refusal(number, exc)
        except Exception:  # the upstream must not wait for ever, whatever it is; the call itself may go on
            answer = {"error": {"code": INTERNAL_ERROR, "message": "The client could not be asked."}}
        await self._reply({"id": number, **answer})


def pausing(origin: Origin, limit: asyncio.Timeout) -> Origin:
    """Returns the same origin, which stops `limit` for as long as it is asked something."""
    ask, waiting, left = origin.ask, 0, 0.0
    if ask is None:
        return origin
    now = asyncio.get_running_loop().time

    async def asked(method: str, params: Params) -> dict[str, Any]:
        nonlocal waiting, left
        if not waiting:
            left = (limit.when() or now()) - now()
            limit.reschedule(None)
        waiting += 1
        try:
            return await ask(method, params)
        finally:
            waiting -= 1
            if not waiting and not limit.expired():
                limit.reschedule(now() + left)

    return origin._replace(ask=asked)
