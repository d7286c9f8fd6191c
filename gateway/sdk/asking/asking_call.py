"""A call in a task of its own, which may ask its client for input. Later requests answer what it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import anyio
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT, methods
from mcp_types.version import LATEST_HANDSHAKE_VERSION
from pydantic import ValidationError

from gateway.call import ToolCall
from gateway.errors import InvalidRequest, Unavailable

CAPABILITIES: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}
"""What a caller over JSON can be asked for, as a client of MCP declares it."""


MAX_SETTLING = 20
"""Questions that may follow each other in time to be told together."""


class Scope(Protocol):
    """Ends a call: at once, or at the `deadline` of the loop's clock, which is infinite for never."""

    deadline: float

    def cancel(self) -> None: ...


class AskingCall:
    """`report` and `clock` are those of the request that waits for the tool now.

    The call runs in `scope`. Whoever runs it calls `finish` at its end; then it is `over`. Questions are told together
    that follow each other in less than `settles` seconds.
    """

    settles = 0.0

    def __init__(self, call: ToolCall, scope: Scope) -> None:
        self.call = call
        self.report = call.report
        self.clock = call.clock
        self.scope = scope
        self.over = False
        self._ended: asyncio.Event | None = None
        self._questions: dict[str, _Question] = {}
        self._asked = 0
        self._waiter: asyncio.Future[None] | None = None
        self._result: dict[str, Any] | None = None
        self._error: Exception | None = None

    def finish(self) -> None:
        """Notes that the call is over."""
        self.over = True
        if self._ended is not None:
            self._ended.set()
        self._wake()

    async def ended(self) -> None:
        """Waits until the call is over."""
        if not self.over:
            self._ended = self._ended or asyncio.Event()
            await self._ended.wait()

    async def next(self) -> Mapping[str, Any] | None:
        """Waits for the tool's result as it goes on the wire; returns None if the tool asks for input first.

        Raises:
            Unavailable: the server closed, or the input did not come in time.
            Exception: the call raised it.
        """
        while not self.over and not (self._questions and await self._has_settled()):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._error is not None:
            raise self._error
        if self.over and self._result is None:
            raise Unavailable("The call was cancelled before its tool answered.")
        return self._result

    async def _has_settled(self) -> bool:
        """Waits until no further question follows. Returns False if none is left by then."""
        asked, follows = self._asked, MAX_SETTLING if self.settles else 0
        while follows and not self.over:
            with anyio.move_on_after(self.settles):
                await self.ended()
            follows = follows - 1 if asked < self._asked else 0
            asked = self._asked
        return bool(self._questions)

    def questions(self) -> dict[str, Any]:
        return {
            key: {"method": question.method, "params": question.params} for key, question in self._questions.items()
        }

    def answer(self, answers: Mapping[str, Any] | None) -> None:
        """Hands the caller's answers to the tool that waits for them.

        Raises:
            InvalidRequest: an answer has an unknown key or is not of the kind that was asked for. The tool still waits.
        """
        unknown = [key for key in answers or {} if key not in self._questions]
        if not answers or unknown:
            known = ", ".join(self._questions)
            raise InvalidRequest(f"`inputResponses` must answer what was asked under the same keys: {known}.")
        for key, value in answers.items():
            self._questions[key].check(key, value)
        for key, value in answers.items():
            reply = self._questions.pop(key).reply
            if not reply.done():  # it is cancelled if the tool does not wait any more
                reply.set_result(value)

    async def ask(self, method: str, params: Mapping[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """Keeps a request to the client as a question until a later request answers it. Raises MCPError."""
        question = _Question(method, params)
        self._asked += 1
        key = f"{self.call.request_id}-{self._asked}"
        self._questions[key] = question
        self._wake()
        try:
            with anyio.fail_after(seconds):
                return await question.reply
        except TimeoutError as exc:
            raise MCPError(REQUEST_TIMEOUT, f"{method!r} was not answered in time.") from exc
        finally:
            self._questions.pop(key, None)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def progressed(self) -> None:
        """Notes on the clock that the tool has reported progress."""
        if self.clock is not None:
            self.clock.progressed()


class _Question:
    """One request of the tool to its client, and its answer."""

    def __init__(self, method: str, params: Mapping[str, Any]) -> None:
        self.method = method
        self.params = params
        self.reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def check(self, key: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidRequest(f"`inputResponses.{key}` must be an object.")
        try:
            with suppress(KeyError):  # only the tool knows what answers a method of an extension
                methods.validate_client_result(self.method, LATEST_HANDSHAKE_VERSION, value)
        except ValidationError as exc:
            reasons = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
            raise InvalidRequest(f"`inputResponses.{key}` does not answer {self.method}: {reasons}") from exc
        schema = self.params.get("requestedSchema")
        if schema is not None and value.get("action") == "accept":
            for error in Draft202012Validator(schema).iter_errors(value.get("content") or {}):
                where = ".".join(map(str, error.absolute_path)) or "content"
                raise InvalidRequest(f"`inputResponses.{key}.content` does not match what was asked for, at {where!r}.")
