"""A link to a child process: requests and answers by id, over its standard input and output."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from typing import Any

from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from pydantic_core import to_json

from gateway.upstream.calls.questions import not_asked
from gateway.upstream.calls.waiting import Waiting
from gateway.upstream.introduction import CLIENT
from gateway.upstream.link import ACKNOWLEDGED, LOGGED, NOBODY, Heard, Identity, LinkFailure, Origin, Params, Report
from gateway.upstream.stdio.child import PATIENCE, Child
from gateway.upstream.stdio.command import Command
from gateway.upstream.stdio.container import remove
from gateway.upstream.stdio.leash import Leash
from gateway.upstream.stdio.lines import Lines, message_in
from gateway.upstream.stdio.memory import Memory
from gateway.upstream.stdio.requests import Requests
from gateway.upstream.stdio.stderr import Stderr

logger = logging.getLogger(__name__)
MAX_NOISE = 1000
"""Lines in a row that are no messages, after which a child is taken for no MCP server."""

_ID = re.compile(rb'"id"\s*:\s*(\d+)')
_NOISE_INTERVAL = 60.0


class StdioLink:
    """One child. All callers share it. `identity` is set by the one who opens the link."""

    def __init__(self, server: str, max_message: int, heard: Heard, kept: deque[str] | None = None) -> None:
        self.identity = Identity("")
        self._max_message = max_message
        self._heard = heard
        self._stderr = Stderr(server, kept)
        self._extra = {"fields": {"server": server}}
        self._waiting = Requests()
        self._was_unsure = False
        self._last_id = 0
        self._noise, self._noise_logged, self._is_first = 0, 0.0, True
        self._lines = Lines(max_message, self._line, self._too_long)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._child: Child | None = None
        self._memory: Memory | None = None
        self._command: Command | None = None

    async def start(self, command: Command, leash: Leash, memory: Memory, max_memory: int | None = None) -> None:
        """Starts the process. Raises LinkFailure if the system refuses to."""
        self._command = command
        self._child = await Child.start(command, self._stderr, leash, self._lines.feed, self._over)
        if max_memory is not None:
            self._memory = memory
            memory.hold(self._child.group, max_memory, self._over)

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        if self._child is None or self._child.is_leaving:
            raise LinkFailure(f"{await self.ended()}, before the request", was_sent=False, is_over=True)
        self._last_id = number = self._last_id + 1
        token = number if report is not None else None
        params = self._stamped(params, token, origin)
        line = to_json({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if len(line) > self._max_message:
            raise LinkFailure(f"the request is longer than {self._max_message} bytes", was_sent=False)
        waiting = self._waiting[number] = Waiting(report, session, origin, self._reply)
        is_written = False
        try:
            await self._child.write(line + b"\n")
            is_written = True
            await waiting.tell()
            return await waiting.answer
        except asyncio.CancelledError:
            if is_written and method not in ("initialize", "server/discover"):
                self._waiting.leave(number)
                self.notify("notifications/cancelled", {"requestId": number, "reason": "The caller left."})
            raise
        finally:
            del self._waiting[number]
            waiting.questions.close()

    def notify(self, method: str, params: Params) -> None:
        if self._child is not None:
            self._child.write_soon(to_json({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n")

    def leave(self, session: str) -> None:
        """Has nothing to end."""

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self, patience: float = PATIENCE) -> None:
        if self._child is not None:
            if self._memory is not None:
                self._memory.release(self._child.group)
            if await self._child.end(patience) and self._command is not None and self._command.after_kill:
                await remove(self._command.after_kill, self._command.environ)
        self._over("it was stopped")

    def _stamped(self, params: Params, token: int | None, origin: Origin) -> Params:
        """Returns `params` with the fields of `_meta` that belong to this hop."""
        meta = {**params.get("_meta", {}), **({"progressToken": token} if token is not None else {})}
        if self.identity.is_modern:
            meta["io.modelcontextprotocol/protocolVersion"] = self.identity.version
            meta["io.modelcontextprotocol/clientInfo"] = CLIENT
            meta |= origin.meta
        return {**params, "_meta": meta} if meta else params

    def _line(self, line: bytes) -> None:
        message = message_in(line, is_first=self._is_first)
        if message is None:
            self._note_noise()
            return
        self._noise, self._is_first = 0, False
        method, number = message.get("method"), message.get("id")
        if isinstance(method, str):
            params = message.get("params")
            self._told(method, number, params if isinstance(params, dict) else {})
        elif type(number) is int:
            self._waiting.answered(number)
            if (waiting := self._waiting.get(number)) is not None:
                waiting.settle(message)

    def _told(self, method: str, number: Any, params: Params) -> None:
        """Takes a notification, or a request of the server's own."""
        if method == "ping" and number is not None:
            self._answer({"id": number, "result": {}})
        elif number is not None:
            self._asked(method, number, params)
        elif method in ("notifications/progress", ACKNOWLEDGED):
            token = _subscription(params) if method == ACKNOWLEDGED else params.get("progressToken")
            if type(token) is int and (waiting := self._waiting.get(token)) is not None:
                waiting.report(params)
        elif method == "notifications/cancelled":
            for waiting in self._waiting.values():
                waiting.questions.withdraw(params)
        elif method == LOGGED and (owner := self._waiting.owner()) is not None:
            owner.log(params)
        else:
            self._heard(method, params)

    def _asked(self, method: str, number: Any, params: Params) -> None:
        """Asks the client of the only request in flight. A question has no sign of the request that it belongs to."""
        owner = self._waiting.owner()
        if owner is None and self._waiting.has_clients and not self._was_unsure:
            self._was_unsure = True
            reason = "it asks for %s while it has calls of several clients, and nobody can say which of them it asks"
            logger.warning(reason, method, extra=self._extra)
        if self.identity.is_modern or owner is None:
            self._answer(not_asked(number))
        elif not owner.questions.take(number, method, params):
            self._answer(owner.questions.untaken(number, method))

    async def _reply(self, answer: Params) -> None:
        self._answer(answer)

    def _answer(self, answer: Params) -> None:
        if self._child is not None:
            self._child.write_soon(to_json({"jsonrpc": "2.0", **answer}) + b"\n")

    def _too_long(self, head: bytes) -> None:
        """Fails the request that the line answers. Without an id in its beginning, the only one in flight."""
        found = _ID.search(head)
        number = int(found[1]) if found is not None else next(iter(self._waiting), 0) if len(self._waiting) == 1 else 0
        logger.warning("a message of it is longer than %s bytes", self._max_message, extra=self._extra)
        if number in self._waiting:
            self._waiting[number].fail(f"its answer is longer than {self._max_message} bytes")

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
            waiting.fail(reason)


def _subscription(params: Params) -> Any:
    """Returns the id of the request whose stream a notification belongs to."""
    meta = params.get("_meta")
    return meta.get(SUBSCRIPTION_ID_META_KEY) if isinstance(meta, dict) else None
