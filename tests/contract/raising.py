"""Exceptions that an author's code can raise, and tools that raise them in each place the boundary surrounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Resolve
from pydantic import BeforeValidator, PlainSerializer


class Panic(BaseException):
    """Is no `Exception`, as the panic of an extension that is written in Rust."""


def _raise(exc: BaseException) -> None:
    raise exc


RAISED: Mapping[str, Callable[[], None]] = {
    "exception": lambda: _raise(RuntimeError("secret")),
    "panic": lambda: _raise(Panic("secret")),
    "cancelled": lambda: _raise(asyncio.CancelledError("secret")),
    "exit": lambda: _raise(SystemExit("secret")),
    "interrupt": lambda: _raise(KeyboardInterrupt("secret")),
    "generator-exit": lambda: _raise(GeneratorExit("secret")),
    "stop": lambda: _raise(StopIteration("secret")),
    "group": lambda: _raise(BaseExceptionGroup("secret", [Panic("secret")])),
}
"""By the name that a tool takes as its argument."""


async def direct(kind: str) -> str:
    RAISED[kind]()
    return ""


def thread(kind: str) -> str:
    RAISED[kind]()
    return ""


async def context(kind: str, ctx: Context[Any, Any]) -> str:
    RAISED[kind]()
    return ""


async def awaits(kind: str) -> str:
    """Awaits something that another task has cancelled."""
    other = asyncio.ensure_future(asyncio.sleep(60))
    other.cancel()
    await other
    return ""


async def awaits_with_context(kind: str, ctx: Context[Any, Any]) -> str:
    return await awaits(kind)


async def after_a_wait(kind: str) -> str:
    await asyncio.sleep(0)
    RAISED[kind]()
    return ""


def _raised(value: Any) -> Any:
    RAISED[value]()
    return value


async def validates(kind: Annotated[str, BeforeValidator(_raised)]) -> str:
    return ""


async def serializes(kind: str) -> Annotated[str, PlainSerializer(_raised)]:
    return kind


async def _resolver(kind: str) -> str:
    RAISED[kind]()
    return ""


async def resolves(kind: str, found: Annotated[str, Resolve(_resolver)]) -> str:
    return found


TOOLS = (direct, thread, context, awaits, awaits_with_context, after_a_wait, validates, serializes, resolves)


def serve_others(server: MCPServer[Any]) -> None:
    """Adds a resource, a template, a prompt and completions that raise what their names say."""

    @server.resource("broken://{kind}")
    async def template(kind: str) -> str:
        return _raised(kind)  # type: ignore[no-any-return]

    @server.prompt()
    async def prompt(kind: str) -> str:
        return _raised(kind)  # type: ignore[no-any-return]

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> None:
        RAISED[argument.value]()
