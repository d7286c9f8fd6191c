"""Caches results of tools that declare a cache policy, and runs equal calls at the same time once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from gateway.cache.entry import Entry, Store, Stored
from gateway.cache.policy import CachePolicy
from gateway.cache.request import CacheInfo, cache_info
from gateway.cache.single_flight import Role, SingleFlight
from gateway.call import CallNext, ToolCall, ToolResult
from gateway.encoding import canonical
from gateway.tool import Entry as ToolEntry

logger = logging.getLogger(__name__)
Listener = Callable[[str, str, str], None]
"""Takes `hit`, `miss` or `bypass`, the server's name and the tool's name."""


class Cache:
    """The innermost interceptor, so that a cached result has passed authorization and limits like any other.

    Stores successful results of at most `max_entry_bytes`. A run that fails raises its error to its own caller only;
    the next waiting caller runs the tool. `listeners` are told of each call of a tool with a policy.
    """

    def __init__(self, store: Store, max_entry_bytes: int) -> None:
        self.listeners: list[Listener] = []
        self._store = store
        self._max_entry_bytes = max_entry_bytes
        self._flights: SingleFlight[Stored] = SingleFlight()
        # Weak: nothing is left of a removed tool, nor of a key without a run in progress.
        self._tools: WeakKeyDictionary[ToolEntry, _Tool] = WeakKeyDictionary()
        self._runs: WeakValueDictionary[bytes, _Runs] = WeakValueDictionary()

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        entry = call.entry
        if entry is None:
            return call_next(call)
        tool = self._tools.get(entry)
        if tool is None:
            tool = self._tools[entry] = _Tool(call, entry)
        policy = tool.policy
        return call_next(call) if policy is None else self._answer(call, call_next, tool, policy)

    async def _answer(self, call: ToolCall, call_next: CallNext, tool: _Tool, policy: CachePolicy) -> ToolResult:
        info = cache_info.get() or CacheInfo()
        key = None if info.no_store or tool.is_interactive(call) else tool.key(call, policy)
        if key is None:
            return await self._bypass(call, call_next, info)
        if info.refresh:
            info.status = "fwd=request"
            return (await self._run(key, call, call_next, policy, info))[0]
        stored = self._store.local(key)
        if stored is not None:
            return self._found(stored, call, info)
        joined = await self._flights.join(key)
        if joined is Role.LEAD:
            return await self._lead(key, call, call_next, policy, info)
        if joined is Role.ALONE:
            return await self._bypass(call, call_next, info)
        return self._found(joined, call, info)

    async def _lead(
        self, key: bytes, call: ToolCall, call_next: CallNext, policy: CachePolicy, info: CacheInfo
    ) -> ToolResult:
        stored: Stored | None = None
        failed = False
        try:
            stored = await self._store.get(key)
            if stored is not None:
                return self._found(stored, call, info)
            info.status = "fwd=miss"
            result, entry = await self._run(key, call, call_next, policy, info)
            failed = entry is None
            stored = None if entry is None else Stored(entry, 0.0, policy.ttl, collapsed=True)
            return result
        except Exception:  # any failure counts, and a cancellation does not; it is raised again
            failed = True
            raise
        finally:
            self._flights.finish(key, stored, failed=failed)

    async def _run(
        self, key: bytes, call: ToolCall, call_next: CallNext, policy: CachePolicy, info: CacheInfo
    ) -> tuple[ToolResult, Entry | None]:
        """Returns the tool's result, and its entry if other callers may have it."""
        self._tell("miss", call)
        call.wants_wire = True
        runs = self._runs.setdefault(key, _Runs())
        runs.begun = number = runs.begun + 1
        result = await call_next(call)
        is_whole = result.wire and result.outcome == "ok" and not call.asked_client
        entry = Entry(result.body, result.wrapped, result.wire) if is_whole else None
        # A run that began before a refresh and ends after it must not replace the newer result.
        if entry is not None and entry.size <= self._max_entry_bytes and number > runs.stored:
            runs.stored = number
            if await self._store.put(key, entry, policy.ttl):
                info.status = f"{info.status}; stored"
        return result, entry

    def _found(self, stored: Stored, call: ToolCall, info: CacheInfo) -> ToolResult:
        self._tell("hit", call)
        call.answered = "cache"
        if stored.collapsed:
            info.status = "fwd=miss; collapsed"
        else:
            info.status, info.age = f"hit; ttl={int(stored.ttl)}", stored.age
        entry = stored.entry
        return ToolResult(entry.body, entry.wrapped, wire=entry.wire)

    def _bypass(self, call: ToolCall, call_next: CallNext, info: CacheInfo) -> Coroutine[Any, Any, ToolResult]:
        self._tell("bypass", call)
        info.status = "fwd=request" if info.no_store else "fwd=bypass"
        return call_next(call)

    def _tell(self, outcome: str, call: ToolCall) -> None:
        for listener in self.listeners:
            listener(outcome, call.server, call.tool)


@dataclass(slots=True, weakref_slot=True)
class _Runs:
    """The runs of one key in this process, numbered as they begin: the last that began and the last that was stored."""

    begun: int = 0
    stored: int = 0


class _Tool:
    """A tool's policy, and the part of its keys that is the same for all calls."""

    __slots__ = ("_direct", "_version", "policy")

    def __init__(self, call: ToolCall, entry: ToolEntry) -> None:
        info = entry.info
        policy = _policy(call, info.get("_meta"))
        schemas = [info.get("inputSchema"), info.get("outputSchema")]
        named = [call.server, call.tool, *([entry.version] if entry.version else [])]
        version = canonical([*named, *schemas, policy and [policy.ttl, policy.public]])
        self.policy = None if version is None else policy  # without a version, keys of two tools could be equal
        self._version = hashlib.blake2b(version or b"", digest_size=32)  # copied faster than SHA-256
        self._direct = entry.direct

    def is_interactive(self, call: ToolCall) -> bool:
        """Returns true for a call that continues an earlier one, or whose caller receives progress."""
        if call.state is not None or call.answers is not None:
            return True
        return not self._direct and (call.wants_progress or call.report is not None)

    def key(self, call: ToolCall, policy: CachePolicy) -> bytes | None:
        """Returns None if the arguments cannot be encoded."""
        arguments = canonical(call.arguments if policy.public else [call.caller.owner, call.arguments])
        if arguments is None:
            return None
        digest = self._version.copy()
        digest.update(arguments)
        return digest.digest()


def _policy(call: ToolCall, meta: Any) -> CachePolicy | None:
    try:
        return CachePolicy.of(meta)
    except ValueError as exc:  # of a tool added while running; at startup an invalid policy is refused
        logger.warning("server %r, tool %r is not cached: %s", call.server, call.tool, exc)
        return None
