"""One tool call on its way, its result, the chain of interceptors between the two, and calls of other processes."""

from __future__ import annotations

import re
from asyncio import Task
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

from gateway.caller import Caller
from gateway.clock import Clock
from gateway.errors import GatewayError, InvalidRequest
from gateway.tool import Entry

Report = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Takes what a tool reports before its result: `progress` or `log`, and its fields."""

WayIn = Literal["call", "tool-url", "ws", "graphql", "mcp", "aggregate"]
"""The kind of URL a call came in by. Logs, metrics and traces show it as `via`."""

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Set for each request by the outermost middleware; the log and native MCP calls read it."""

endpoint: ContextVar[WayIn] = ContextVar("endpoint", default="mcp")
"""The native MCP endpoint a call came in by: `mcp` or `aggregate`."""


@dataclass(slots=True)
class ToolResult:
    """The answer of a tool.

    `body` is JSON: the structured output as the tool's output schema says, or `{"result": value}` (`wrapped`).
    `message` is the tool's own text when it reports an error. `asks` is the input it needs to go on.
    `native` is the SDK's own result if the call came in over native MCP. `wire` is everything MCP would send, as JSON:
    set if the call `wants_wire` and succeeded, or `wants_record`, and instead of `native` if an earlier result is used.
    """

    body: bytes = b""
    wrapped: bool = True
    is_error: bool = False
    message: str = ""
    asks: Mapping[str, Any] | None = None
    native: Any = None
    outcome: str = "ok"
    wire: bytes = b""

    def in_result(self) -> bytes:
        """Returns `{"result": value}`, also if the output schema describes the value alone."""
        return self.body if self.wrapped else b'{"result":' + self.body + b"}"


@dataclass(slots=True)
class ToolCall:
    """One call, complete when it is made.

    `tool` is the exact name if the server has the tool; `entry` is None if it has not. `requested` is the name that
    the caller used. `request` makes the HTTP request for a tool's `Context`. `state` and `answers` continue an earlier
    call whose tool asked for input. `wants_progress` is true if a native caller listens for progress. Of all calls of a
    principal with one `idempotency_key`, one runs. `refusal` is what its caller is told if authorization lets the call
    pass: the tool exists and has not the version that was asked for (there is no `entry` then), or the headers are not
    those of the version. `client` is the program of a native caller, as it names itself.

    Any other request that runs an author's code, such as `resources/read`, is a call too: `method` and `tool` are its
    method then, `arguments` its parameters, and `is_authorized` is true, since access to it is no question of a tool.

    The fields that follow are notes about the call while it runs, each written in one place.
    """

    server: str
    tool: str
    arguments: dict[str, Any]
    via: WayIn
    caller: Caller
    entry: Entry | None
    requested: str
    request_id: str = "-"
    request: Callable[[], Any] | None = None
    report: Report | None = None
    state: str | None = None
    answers: Mapping[str, Any] | None = None
    wants_progress: bool = False
    method: str = "tools/call"
    is_authorized: bool = False
    idempotency_key: str | None = None
    refusal: GatewayError | None = None
    client: str = ""
    # The cache sets it: the result must have `wire`.
    wants_wire: bool = field(default=False, init=False)
    # `gateway/idempotency` sets it: every outcome must have `wire`.
    wants_record: bool = field(default=False, init=False)
    # The SDK turns both into text before anything else can look at them; `gateway/local/plan.py` notes what they were.
    returned: Any = field(default=None, init=False)
    failure: Exception | None = field(default=None, init=False)
    # `gateway/sdk/wire.py` notes that the tool asked its client for something in mid-call.
    asked_client: bool = field(default=False, init=False)
    # The time limit sets it for a tool that can ask its client or report progress.
    clock: Clock | None = field(default=None, init=False)
    # `gateway/idempotency` sets it: the task that goes on when the client leaves.
    run: Task[None] | None = field(default=None, init=False)
    # The cache sets it to `cache`, `gateway/idempotency` to `repeated`: an earlier result is the answer.
    answered: str = field(default="", init=False)
    # The console notes the trace.
    trace: str = field(default="", init=False)


IDEMPOTENCY_META = "multi-mcp/idempotency-key"
"""The field of `_meta` with the key of a native call."""

_KEY = re.compile("[!-~]{1,255}")
_ESCAPED = re.compile(r'\\(["\\])')
CallNext = Callable[[ToolCall], Coroutine[Any, Any, ToolResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """The request that continues the call which waits in `process` under `state`.

    `version` is that of the tool, empty for a tool without versions. `owner` is the principal who sent it.
    `wants_reports` is True if it waits for progress and log messages.
    """

    process: str
    server: str
    tool: str
    state: str
    owner: str | None
    request_id: str
    answers: Mapping[str, Any] | None
    wants_reports: bool
    version: str = ""


class Relay(Protocol):
    """The way to the calls that wait in other processes."""

    @property
    def process(self) -> str:
        """The name of this process, which is in the state of each call that waits in it."""
        ...

    def serving(self, server: str, resume: CallNext) -> AbstractContextManager[None]:
        """Lets other processes continue the calls of a local server inside of the block."""
        ...

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        """Continues the call in its process. Its cancellation cancels the tool there.

        Raises:
            Gone: the process is gone, or there is no way to it.
            GatewayError: the other process raised it.
        """
        ...


def idempotency_key(text: object) -> str:
    """Returns the key that a client sent, without the quotes of a structured field (RFC 9651).

    Raises:
        InvalidRequest: it is not 1 to 255 visible ASCII characters.
    """
    if isinstance(text, str):
        key = _ESCAPED.sub(r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text
        if _KEY.fullmatch(key):
            return key
    raise InvalidRequest("An idempotency key must be 1 to 255 visible ASCII characters.")


current_call: ContextVar[ToolCall | None] = ContextVar("current_call", default=None)
"""The call whose tool is running: the SDK's interfaces offer no other way to it."""


class Interceptor(Protocol):
    """Acts around every call, from every way in."""

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]: ...


def chain(interceptors: Sequence[Interceptor], handler: CallNext) -> CallNext:
    """Returns `handler` with `interceptors` around it, the first one outermost."""
    for interceptor in reversed(interceptors):
        handler = partial(interceptor, call_next=handler)
    return handler


def parts_of(handler: CallNext) -> tuple[list[Interceptor], CallNext]:
    """Returns the interceptors and the handler of which `chain` made this one."""
    interceptors: list[Interceptor] = []
    while isinstance(handler, partial) and "call_next" in handler.keywords:
        interceptors.append(handler.func)
        handler = handler.keywords["call_next"]
    return interceptors, handler
