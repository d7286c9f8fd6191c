"""A link to a child process: requests and answers by id, over its standard input and output."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json

from gateway import VERSION
from gateway.upstream.link import Heard, Identity, LinkFailure, Params, Refusal, Report
from gateway.upstream.stdio.child import PATIENCE, Child
from gateway.upstream.stdio.command import Command
from gateway.upstream.stdio.container import remove
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.lines import Lines
from gateway.upstream.stdio.memory import Memory
from gateway.upstream.stdio.stderr import Stderr

logger = logging.getLogger(__name__)
CLIENT = {"name": "multi-mcp", "version": VERSION}
MAX_NOISE = 1000
"""Lines in a row that are no messages, after which a child is taken for no MCP server."""
MAX_REPORTS = 1000
"""Progress notifications of one request that wait for their client. Further ones are dropped."""

_ID = re.compile(rb'"id"\s*:\s*(\d+)')
_NOISE_INTERVAL = 60.0
_METHOD_NOT_FOUND = -32601


class _Waiting:
    """A request that waits for its answer. `reports` has its progress, and None when the answer is there."""

    __slots__ = ("answer", "reports")

    def __init__(self, report: Report | None) -> None:
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.reports: asyncio.Queue[Params | None] | None = None
        if report is not None:
            reports = self.reports = asyncio.Queue(MAX_REPORTS + 1)
            self.answer.add_done_callback(lambda _: reports.put_nowait(None))


class StdioLink:
    """One child. All callers share it. `identity` and `is_silent` are set by the one who opens the link."""

    def __init__(self, server: str, max_message: int, heard: Heard) -> None:
        self.identity = Identity("")
        self.is_silent = False
        self._max_message = max_message
        self._heard = heard
        self._server = server
        self._extra = {"fields": {"server": server}}
        self._waiting: dict[int, _Waiting] = {}
        self._last_id = 0
        self._noise = 0
        self._noise_logged = 0.0
        self._lines = Lines(max_message, self._line, self._too_long)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._child: Child | None = None
        self._memory: Memory | None = None
        self._command: Command | None = None

    async def start(self, command: Command, leash: Leash, memory: Memory, max_memory: int | None = None) -> None:
        """Starts the process. Raises LinkFailure if the system refuses to."""
        self._command = command
        self._child = await Child.start(command, Stderr(self._server), leash, self._lines.feed, self._over)
        if max_memory is not None:
            self._memory = memory
            memory.hold(self._child.group, max_memory, self._over)

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = ""
    ) -> dict[str, Any]:
        if self._child is None or self._child.is_leaving:
            raise LinkFailure(f"{await self.ended()}, before the request", was_sent=False, is_over=True)
        self._last_id = number = self._last_id + 1
        line = to_json({"jsonrpc": "2.0", "id": number, "method": method, "params": self._stamped(params, number)})
        if len(line) > self._max_message:
            raise LinkFailure(f"the request is longer than {self._max_message} bytes", was_sent=False)
        waiting = self._waiting[number] = _Waiting(report)
        try:
            await self._child.write(line + b"\n")
            if report is not None and waiting.reports is not None:
                while (progress := await waiting.reports.get()) is not None:
                    await report(progress)
            return await waiting.answer
        except asyncio.CancelledError:
            if method not in ("initialize", "server/discover"):
                self.notify("notifications/cancelled", {"requestId": number, "reason": "The caller left."})
            raise
        finally:
            del self._waiting[number]

    def notify(self, method: str, params: Params) -> None:
        if self._child is not None:
            self._child.write_soon(to_json({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n")

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self, patience: float = PATIENCE) -> None:
        if self._child is not None:
            if self._memory is not None:
                self._memory.release(self._child.group)
            if await self._child.end(patience) and self._command is not None and self._command.after_kill:
                await remove(self._command.after_kill, self._command.environ)
        self._over("it was stopped")

    def _stamped(self, params: Params, number: int) -> Params:
        """Returns `params` with the fields of `_meta` that belong to this hop."""
        meta = {**params.get("_meta", {}), "progressToken": number}
        if self.identity.is_modern:
            meta["io.modelcontextprotocol/protocolVersion"] = self.identity.version
            meta["io.modelcontextprotocol/clientInfo"] = CLIENT
            meta.setdefault("io.modelcontextprotocol/clientCapabilities", {})
        return {**params, "_meta": meta}

    def _line(self, line: bytes) -> None:
        try:
            message = from_json(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._note_noise()
            return
        self._noise = 0
        method, number = message.get("method"), message.get("id")
        if isinstance(method, str):
            params = message.get("params")
            self._told(method, number, params if isinstance(params, dict) else {})
        elif isinstance(number, int) and (waiting := self._waiting.get(number)) is not None:
            _settle(waiting, message)

    def _told(self, method: str, number: Any, params: Params) -> None:
        """Takes a notification, or a request of the server's own."""
        if method == "ping" and number is not None:
            self._answer(number, result={})
        elif number is not None:
            logger.warning("it asks for %s, which a shared server cannot have", method, extra=self._extra)
            self._answer(number, error={"code": _METHOD_NOT_FOUND, "message": "Method not found"})
        elif method == "notifications/progress":
            waiting = self._waiting.get(params.get("progressToken"))  # type: ignore[arg-type]
            if waiting is not None and waiting.reports is not None and waiting.reports.qsize() < MAX_REPORTS:
                waiting.reports.put_nowait(params)
        else:
            self._heard(method, params)

    def _answer(self, number: Any, **answer: Any) -> None:
        if self._child is not None:
            self._child.write_soon(to_json({"jsonrpc": "2.0", "id": number, **answer}) + b"\n")

    def _too_long(self, head: bytes) -> None:
        """Fails the request that the line answers. Without an id in its beginning, the only one in flight."""
        found = _ID.search(head)
        number = int(found[1]) if found is not None else next(iter(self._waiting), 0) if len(self._waiting) == 1 else 0
        logger.warning("a message of it is longer than %s bytes", self._max_message, extra=self._extra)
        if number in self._waiting:
            _fail(self._waiting[number], f"its answer is longer than {self._max_message} bytes")

    def _note_noise(self) -> None:
        self._noise += 1
        now = time.monotonic()
        if self._noise > MAX_NOISE:
            self._over(f"it wrote {MAX_NOISE} lines that are not JSON-RPC to its standard output")
        elif not self._noise_logged or now - self._noise_logged > _NOISE_INTERVAL:
            self._noise_logged = now
            logger.warning("it writes lines that are not JSON-RPC to its standard output", extra=self._extra)

    def _over(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
        for waiting in self._waiting.values():
            _fail(waiting, reason)


def _settle(waiting: _Waiting, message: Mapping[str, Any]) -> None:
    result, error = message.get("result"), message.get("error")
    if waiting.answer.done():
        return
    if isinstance(result, dict):
        waiting.answer.set_result(result)
    elif isinstance(error, dict) and isinstance(error.get("code"), int):
        waiting.answer.set_exception(Refusal(error["code"], str(error.get("message", "")), error.get("data")))
    else:
        _fail(waiting, "its answer is not JSON-RPC")


def _fail(waiting: _Waiting, reason: str) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(LinkFailure(reason, was_sent=True))
        waiting.answer.exception()  # the caller may have left
