"""One call on its way to a tool, what comes back, and the chain of interceptors between the two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

Report = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Takes what a tool reports on its way: `progress` or `log`, and its fields."""

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Set for each request by the outermost middleware; the log and native MCP calls read it."""


endpoint: ContextVar[str] = ContextVar("endpoint", default="mcp")
"""Which native MCP endpoint a call came in by: `mcp` or `aggregate`."""


@dataclass(slots=True)
class ToolResult:
    """What a tool answered.

    `body` is JSON: the structured output as the tool's output schema says, or `{"result": value}` (`wrapped`).
    `message` is the tool's own word when it says that the call failed. `asks` is what it needs to go on.
    `native` is the SDK's own result, where the call came in over native MCP. `wire` is all that MCP would send, as JSON
    for whoever sends it by another way: there where the call was to be `whole` and succeeded, and in place of `native`
    where the tool did not run.
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
        """`{"result": value}`, also where the output schema has the value alone."""
        return self.body if self.wrapped else b'{"result":' + self.body + b"}"


class Served(Protocol):
    """What is known of a tool before it is called. Hashed by identity and weakly referenceable, as caches need."""

    @property
    def info(self) -> Mapping[str, Any]:
        """The tool as MCP lists it on the wire."""
        ...

    @property
    def direct(self) -> bool:
        """Whether it is called by its function alone: it cannot report, ask, or see more than its arguments."""
        ...


@dataclass
class ToolCall:
    """One call on its way. `via` is how it came in: `call`, `tool-url`, `ws`, `mcp` or `aggregate`.

    `request` makes what the call came in with, for a tool's `Context`; we do not look at it. `answers` and `state` are
    the caller's answer to what a tool asked. `plan` is None where there is no such tool.
    `asked` is the name that the caller used for `tool`, where that is another.
    `value` and `failure` are noted where the SDK turns them into text. `listens` says that a native caller hears of
    progress, `questioned` that the tool asked it for something. `whole` asks for a result that every way in can send.
    """

    server: str
    tool: str
    arguments: dict[str, Any]
    via: str
    request_id: str = "-"
    request: Callable[[], Any] | None = None
    plan: Served | None = field(default=None, init=False)
    caller: str | None = field(default=None, init=False)
    asked: str = field(default="", init=False)
    answers: Mapping[str, Any] | None = field(default=None, init=False)
    state: str | None = field(default=None, init=False)
    report: Report | None = field(default=None, init=False)
    execute: CallNext | None = field(default=None, init=False)
    failure: Exception | None = field(default=None, init=False)
    value: Any = field(default=None, init=False)
    listens: bool = field(default=False, init=False)
    questioned: bool = field(default=False, init=False)
    whole: bool = field(default=False, init=False)


CallNext = Callable[[ToolCall], Coroutine[Any, Any, ToolResult]]

current_call: ContextVar[ToolCall | None] = ContextVar("current_call", default=None)
"""The call whose tool is running, for what the SDK's interfaces leave no other way to."""


class Interceptor(Protocol):
    """What happens around every call, whatever way it came in."""

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]: ...


def chain(interceptors: Sequence[Interceptor]) -> CallNext:
    """Compose `interceptors`, the first outermost, around each call's own `execute`."""

    handler: CallNext = _execute
    for interceptor in reversed(interceptors):
        handler = partial(interceptor, call_next=handler)
    return handler


def _execute(call: ToolCall) -> Coroutine[Any, Any, ToolResult]:
    assert call.execute is not None
    return call.execute(call)
