"""A JSON call through the SDK's machinery, for tools that take `Context`: progress, log messages, requests for input.

The tool runs in its own task, so that a later request can answer what it asks in mid-call.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import anyio
from jsonschema import Draft202012Validator
from mcp.server import Server as LowLevelServer
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    REQUEST_TIMEOUT,
    methods,
)
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from pydantic import ValidationError

from gateway import VERSION
from gateway.call import ToolCall, current_call
from gateway.errors import InvalidRequest, Unavailable
from gateway.local.crashes import log_crash

_CAPABILITIES: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}
_CLIENT = {"name": "multi-mcp", "version": VERSION}
_META = {
    PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
    CLIENT_INFO_META_KEY: _CLIENT,
    CLIENT_CAPABILITIES_META_KEY: _CAPABILITIES,
    LOG_LEVEL_META_KEY: "debug",
    "progressToken": 0,
}


class Exchange:
    """One tool call in its task. Satisfies the SDK's `DispatchContext`: it receives what the tool sends.

    `report` is that of the request that waits for the tool now.
    """

    can_send_request = True

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        self.report = call.report
        self.clock = call.clock
        self.request_id = call.request_id
        self.transport = TransportContext(kind="json", can_send_request=True)
        self.message_metadata = ServerMessageMetadata(request_context=call.request and call.request())
        self.cancel_requested = anyio.Event()
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self._questions: dict[str, _Question] = {}
        self._asked = 0
        self._changed = anyio.Event()
        self._result: dict[str, Any] | None = None
        self._error: Exception | None = None

    async def run(self, server: LowLevelServer[Any], lifespan_state: Any) -> None:
        """Runs the call in the exchange's own task, from the middleware of its server to the tool."""
        call = self.call
        params = {"_meta": _META, **self._params()}
        connection = Connection.from_envelope(LATEST_MODERN_VERSION, _CLIENT, _CAPABILITIES, outbound=self)
        current_call.set(call)
        try:
            with self.scope:
                self._result = await serve_one(
                    server, self, call.method, params, connection=connection, lifespan_state=lifespan_state
                )
        except Exception as exc:  # this task's boundary: the waiting request raises it
            self._error = exc
        except BaseException as exc:  # the same; it must not end the calls of all servers
            if anyio.current_effective_deadline() == -math.inf:  # the server closes
                raise
            # Not asyncio's count of requests, which a tool raises that cancels its own task.
            self._error = log_crash(call.tool, exc)
        finally:
            self.ended.set()
            self._changed.set()

    def _params(self) -> dict[str, Any]:
        """Returns the parameters of the request: those of the tool, or the arguments of another method."""
        call = self.call
        if call.method != "tools/call":
            return call.arguments
        state = {"inputResponses": call.answers, "requestState": call.state}
        given = {key: value for key, value in state.items() if value is not None}
        return {"name": call.tool, "arguments": call.arguments, **given}

    @property
    def over(self) -> bool:
        return self.ended.is_set()

    async def next(self) -> Mapping[str, Any] | None:
        """Waits for the tool's result as it goes on the wire; returns None if the tool asks for input first.

        Raises:
            Unavailable: the server closed, or the input did not come in time.
            Exception: the call raised it.
        """
        while not self.over and not self._questions:
            await self._changed.wait()
            self._changed = anyio.Event()
        if self._error is not None:
            raise self._error
        if self.over and self._result is None:
            raise Unavailable("The call was cancelled before its tool answered.")
        return self._result

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

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Keeps a request of the tool to its client as a question until a later request answers it."""
        question = _Question(method, params or {})
        self._asked += 1
        key = f"{self.request_id}-{self._asked}"
        self._questions[key] = question
        self._changed.set()
        try:
            with anyio.fail_after((opts or {}).get("timeout")):
                return await question.reply
        except TimeoutError as exc:
            raise MCPError(REQUEST_TIMEOUT, f"{method!r} was not answered in time.") from exc
        finally:
            self._questions.pop(key, None)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        given = params or {}
        if method == "notifications/progress" and given.get("progressToken") == _META["progressToken"]:
            await self.progress(given["progress"], given.get("total"), given.get("message"))
        elif method == "notifications/message" and self.report is not None:
            await self.report("log", given)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if self.clock is not None:
            self.clock.progressed()
        if self.report is not None:
            fields = {"progress": progress, "total": total, "message": message}
            await self.report("progress", {key: value for key, value in fields.items() if value is not None})


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
