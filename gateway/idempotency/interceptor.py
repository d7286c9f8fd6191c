"""Runs one of all calls of a principal with the same idempotency key, and answers the others as the first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.encoding import canonical
from gateway.errors import GatewayError, InvalidRequest, ToolCrashed, Unavailable
from gateway.idempotency.record import has_run, interrupted, record_of, repeated
from gateway.idempotency.store import Store, conflict
from gateway.places import Places

logger = logging.getLogger(__name__)
TRIES = 30
"""How often an outcome is stored that the store does not take, once a second."""


class Idempotency:
    """A call with a key runs in a task of its own, and goes on if its client leaves: another one may come back for it.

    It stands outside of the time limit and of the count of calls in flight, which bound that task. Each call with a key
    has one of `places` until it is answered, and each run until its outcome is stored. An outcome of more than
    `max_record` bytes is not kept, but that it ran is.
    """

    def __init__(self, store: Store, places: Places, max_record: int) -> None:
        self._store = store
        self._places = places
        self._max_record = max_record
        self._runs: dict[str, _Run] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Ends the runs that are left when the process ends; nobody will know their outcome."""
        try:
            yield
        finally:
            runs = [*self._runs.values()]
            for run in runs:
                run.task.cancel()
            if runs:
                await asyncio.wait([run.task for run in runs], timeout=1)
            for run in runs:  # one whose task had not begun ends without a word
                run.ended.set()

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        return call_next(call) if call.idempotency_key is None else self._once(call, call_next)

    async def _once(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        slot, digest = _slot(call), _digest(call)
        call.idempotency_key = None  # the call of a server that looks again for its tool is the same call
        run = self._runs.get(slot)
        if run is not None and run.digest != digest:
            raise conflict()
        self._places.take(call.caller)
        if run is None:
            run = self._runs[slot] = _Run(digest)
            call.run = run.task = asyncio.create_task(self._run(slot, run, call, call_next))
            await run.ended.wait()
            return run.first()
        try:
            await run.ended.wait()
        finally:
            self._places.give_back(call.caller)
        return run.repeated(call)

    async def _run(self, slot: str, run: _Run, call: ToolCall, call_next: CallNext) -> None:
        try:
            run.record = await self._store.claim(slot, run.digest, _may_repeat(call))
            if run.record is None:
                await self._run_claimed(slot, run, call, call_next)
            else:
                run.outcome = _repeated(run.record, call)
        except GatewayError as exc:
            run.outcome = exc
        except asyncio.CancelledError:  # the process ends while the call waits for another one
            run.outcome = run.outcome or _ending()
        except Exception:  # a fault of our own: the others must not wait for ever
            logger.exception("A call with an idempotency key failed")
            run.outcome = run.outcome or ToolCrashed()
        finally:
            run.ended.set()
            self._store.leave(slot)
            del self._runs[slot]
            self._places.give_back(call.caller)

    async def _run_claimed(self, slot: str, run: _Run, call: ToolCall, call_next: CallNext) -> None:
        call.wants_wire = call.wants_record = True
        try:
            run.outcome = await call_next(call)
        except asyncio.CancelledError:  # the process ends, and the others shall know at once
            run.outcome = _ending() if _may_repeat(call) else interrupted()
        except Exception as exc:  # raised again for the caller
            run.outcome = exc
        if has_run(run.outcome) and not _may_run_again(run.outcome, call):
            run.record = record_of(run.outcome, self._max_record, call.entry.version if call.entry is not None else "")
            await self._keep(slot, run, run.record)
        else:
            await self._store.drop(slot)

    async def _keep(self, slot: str, run: _Run, record: bytes) -> None:
        for _ in range(TRIES):
            if await self._store.keep(slot, record):
                return
            run.ended.set()
            await asyncio.sleep(1)
        logger.error("The outcome of a call with an idempotency key could not be stored")


@dataclass(slots=True)
class _Run:
    """`outcome` is for the first caller; the others get what is in the `record`, or else the same."""

    digest: str
    task: asyncio.Task[None] = field(init=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: ToolResult | Exception | None = None
    record: bytes | None = None

    def first(self) -> ToolResult:
        if isinstance(self.outcome, ToolResult):
            return self.outcome
        raise self.outcome or _ending()

    def repeated(self, call: ToolCall) -> ToolResult:
        if self.record is None:
            return self.first()
        return _repeated(self.record, call)


def _ending() -> Unavailable:
    return Unavailable("The router is shutting down.")


def _repeated(record: bytes, call: ToolCall) -> ToolResult:
    call.answered = "repeated"
    return repeated(record, call)


def _slot(call: ToolCall) -> str:
    """Returns the name of the key, for this principal and this step of a call whose tool asks."""
    text = "\0".join((call.caller.key, call.idempotency_key or "", call.state or ""))
    return blake2b(text.encode(errors="surrogatepass"), digest_size=32).hexdigest()


def _digest(call: ToolCall) -> str:
    # With the version that was asked for, not the one that was chosen: it may be another when a client tries again.
    has_versions = call.entry is not None and call.entry.versions is not None
    asked = [call.requested.rpartition("@")[2]] if has_versions and "@" in call.requested else []
    text = canonical([call.server, call.tool, call.arguments, call.state, call.answers, *asked])
    if text is None:
        raise InvalidRequest("The arguments of a call with an idempotency key cannot be nested so deeply.")
    return blake2b(text, digest_size=32).hexdigest()


def _may_repeat(call: ToolCall) -> bool:
    return call.entry is not None and call.entry.may_repeat


def _may_run_again(outcome: ToolResult | Exception, call: ToolCall) -> bool:
    """Returns True if nobody knows whether the call has run, and it may run a second time."""
    return _may_repeat(call) and isinstance(outcome, GatewayError) and outcome.outcome == "unknown"
