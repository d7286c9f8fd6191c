"""Keeps the results of tools that ask for it (`cache_mark`), and runs one call for many that are equal."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from pydantic_core import to_json

from gateway.cache.entry import Claim, Entry, Kept, Store
from gateway.cache.key import canonical
from gateway.cache.policy import Mark
from gateway.cache.request import Note, note
from gateway.cache.single_flight import Flights, Turn
from gateway.call import CallNext, Served, ToolCall, ToolResult

logger = logging.getLogger(__name__)
Heard = Callable[[str, str, str], None]
"""Takes what came of a call of a marked tool (`hit`, `miss`, `bypass`), its server and its tool."""


class Cache:
    """The innermost interceptor: whoever gets a kept result has passed all that a call has to pass.

    Kept is a success alone, of at most `largest` bytes. A leader that fails or leaves keeps nobody from an answer, and
    its error is its own. `listeners` hear of each call of a marked tool.
    """

    def __init__(self, store: Store, largest: int) -> None:
        self.listeners: list[Heard] = []
        self._store = store
        self._largest = largest
        self._flights: Flights[Kept] = Flights()
        self._policies: dict[tuple[str, str], _Policy] = {}

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        plan = call.plan
        if plan is None:
            return call_next(call)
        policy = self._policies.get((call.server, call.tool))
        if policy is None or policy.plan is not plan:
            policy = self._policies[call.server, call.tool] = _Policy.of(call, plan)
        mark = policy.mark
        return call_next(call) if mark is None else self._answer(call, call_next, policy, mark)

    async def _answer(self, call: ToolCall, call_next: CallNext, policy: _Policy, mark: Mark) -> ToolResult:
        asked = note.get() or Note()
        key = None if asked.off or _is_more(call, policy.plan) else policy.key(call, mark)
        if key is None:
            return await self._pass(call, call_next, asked)
        if asked.refresh:
            asked.status = "fwd=request"
            return (await self._run(await self._store.overtake(key), call, call_next, mark, asked))[0]
        kept = self._store.at_hand(key)
        if kept is not None:
            return self._found(kept, call, asked)
        turn = await self._flights.join(key)
        if turn is Turn.LEAD:
            return await self._lead(key, call, call_next, mark, asked)
        if turn is Turn.ALONE:
            return await self._pass(call, call_next, asked)
        return self._found(turn, call, asked)

    async def _lead(self, key: bytes, call: ToolCall, call_next: CallNext, mark: Mark, asked: Note) -> ToolResult:
        kept: Kept | None = None
        failed = False
        try:
            found = await self._store.claim(key)
            if isinstance(found, Kept):
                kept = found
                return self._found(kept, call, asked)
            asked.status = "fwd=miss"
            result, entry = await self._run(found, call, call_next, mark, asked)
            failed = entry is None
            kept = None if entry is None else Kept(entry, 0.0, mark.ttl, fresh=True)
            return result
        except Exception:  # noted, and raised on
            failed = True
            raise
        finally:
            if kept is not None:
                self._flights.land(key, kept)
            else:
                self._flights.leave(key, failed=failed)

    async def _run(
        self, claim: Claim, call: ToolCall, call_next: CallNext, mark: Mark, asked: Note
    ) -> tuple[ToolResult, Entry | None]:
        """The tool's result, and what of it may be given to others."""
        self._tell("miss", call)
        call.whole = True
        try:
            result = await call_next(call)
            entry = Entry(result.body, result.wrapped, result.wire) if result.wire else None
            if entry is not None and entry.size <= self._largest and await claim.keep(entry, mark.ttl):
                asked.status = f"{asked.status}; stored"
            return result, entry
        finally:
            claim.drop()

    def _found(self, kept: Kept, call: ToolCall, asked: Note) -> ToolResult:
        self._tell("hit", call)
        if kept.fresh:
            asked.status = "fwd=miss; collapsed"
        else:
            asked.status, asked.age = f"hit; ttl={int(kept.ttl)}", kept.age
        entry = kept.entry
        return ToolResult(entry.body, entry.wrapped, wire=entry.wire)

    def _pass(self, call: ToolCall, call_next: CallNext, asked: Note) -> Coroutine[Any, Any, ToolResult]:
        self._tell("bypass", call)
        asked.status = "fwd=request" if asked.off else "fwd=bypass"
        return call_next(call)

    def _tell(self, word: str, call: ToolCall) -> None:
        for heard in self.listeners:
            heard(word, call.server, call.tool)


def _is_more(call: ToolCall, plan: Served) -> bool:
    """Whether a call is more than its arguments: it goes on with an earlier one, or its caller hears of progress."""
    if call.state is not None or call.answers is not None:
        return True
    return not plan.direct and (call.listens or call.report is not None)


class _Policy:
    """How one tool, as it is now, is cached. All that its results depend on besides the call is in `_version`."""

    __slots__ = ("_version", "mark", "plan")

    def __init__(self, plan: Served, mark: Mark | None, version: bytes) -> None:
        self.plan = plan
        self.mark = mark
        self._version = hashlib.sha256(version)

    @classmethod
    def of(cls, call: ToolCall, plan: Served) -> _Policy:
        info = plan.info
        try:
            mark = Mark.of(info.get("_meta"))
        except ValueError as exc:  # of a tool that came later; at the start it is refused
            logger.warning("server %r, tool %r is not cached: %s", call.server, call.tool, exc)
            mark = None
        schemas = [info.get("inputSchema"), info.get("outputSchema")]
        return cls(plan, mark, to_json([call.server, call.tool, *schemas, mark and [mark.ttl, mark.public]]))

    def key(self, call: ToolCall, mark: Mark) -> bytes | None:
        """None where the arguments will be refused, or cannot be told apart from others."""
        values = self.plan.validated(call.arguments)
        arguments = None if values is None else canonical(values.values())
        if arguments is None:
            return None
        digest = self._version.copy()
        digest.update(arguments if mark.public else to_json(call.caller) + arguments)
        return digest.digest()
