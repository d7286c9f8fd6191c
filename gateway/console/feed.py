"""The calls of this process: those in flight, those that ended last, their figures, and what was refused."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.call import Report, ToolCall, ToolResult
from gateway.console import masking
from gateway.console.figures import GOOD, MAX_TOOLS, Tally, percentiles
from gateway.console.rates import WINDOW, Rates
from gateway.console.ring import Ended, Ring
from gateway.errors import GatewayError
from gateway.naming import cut

BATCH_DELAY = 0.05
MAX_BATCH = 1000
MAX_REFUSALS = 200
MAX_RUNNING_SHOWN = 200
"""Calls in flight that a page is told of, the oldest ones. Their number is exact."""

MAX_MARKS = 50
"""Progress and log messages that are kept of one call."""

RATE_WINDOW = 10
"""Seconds over which the calls a second are told."""

MAX_PROBLEM = 512
"""Characters of an error that are kept."""

REFUSALS = frozenset({"unauthenticated", "forbidden", "rate-limited", "share-exceeded"})
"""The outcomes of calls that are refusals too."""

_Record = tuple[int, ToolCall, float, float, str, ToolResult | None, GatewayError | None]
Running = tuple[ToolCall, "asyncio.Task[Any] | None", float]
"""A call in flight, its task, and when it began on the clock."""


class Feed:
    """Takes what `Watch` reports. Calls that ended are taken in together, at most 50 ms later.

    `listeners` get each batch as it is taken in. With `with_arguments`, arguments and results are kept, masked and cut.
    """

    def __init__(self, *, with_arguments: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self.process = secrets.token_hex(4)
        self.begun = time.time()
        self.with_arguments = with_arguments
        self.clock = clock
        self.number = 0
        self.running: dict[int, Running] = {}
        self.cancels: dict[int, tuple[asyncio.Task[Any], int]] = {}
        self.ring = Ring()
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.refusals: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.listeners: list[Callable[[list[Ended]], None]] = []
        self.sessions: Callable[[], int] = int
        self.sockets = 0
        self.trace: Callable[[], str] = str
        self._marks: dict[int, list[tuple[float, str, str]]] = {}
        self._records: list[_Record] = []
        self._rates = Rates()

    def ended(self, record: _Record) -> None:
        """Takes a call: its number, itself, when it began, its duration, outcome, result and error."""
        records = self._records
        records.append(record)
        if len(records) == 1:
            asyncio.get_running_loop().call_later(BATCH_DELAY, self.flush)
        elif len(records) >= MAX_BATCH:
            self.flush()

    def flush(self) -> None:
        """Takes in the calls that have ended."""
        records, self._records = self._records, []
        if not records:
            return
        now = time.time()
        offset = now - self.clock()
        calls = [self._ended(record, offset) for record in records]
        errors = 0
        for call, record in zip(calls, records, strict=True):
            self.ring.append(call)
            errors += call.outcome not in GOOD
            if record[1].entry is not None:
                self._count(call)
            if call.outcome in REFUSALS:
                self._refused(call.outcome, record[1].caller.address, call.caller, call.request_id)
        self._rates.add(now, calls=len(calls), errors=errors)
        for listener in self.listeners:
            listener(calls)

    def refused(self, reason: str, address: str, caller: str | None, request_id: str) -> None:
        """Takes a request that was refused before it became a call."""
        self._rates.add(time.time(), refusals=1)
        self._refused(reason, address, caller, request_id)

    def websockets_changed(self, by: int) -> None:
        self.sockets += by

    def reporting(self, number: int, report: Report, started: float) -> Report:
        """Returns `report` so that what the tool reports is kept as marks of its call."""
        marks = self._marks[number] = []

        def marked(name: str, fields: Mapping[str, Any]) -> Awaitable[None]:
            if len(marks) < MAX_MARKS:
                text = " ".join(str(value) for value in fields.values() if value is not None)
                shown = text if self.with_arguments or name == "progress" else str(fields.get("level", ""))
                marks.append((self.clock() - started, name, cut(masking.of_text(shown[:512]))))
            return report(name, fields)

        return marked

    def cancel(self, number: int) -> bool:
        """Cancels a call in flight. Returns False if there is none of this number."""
        if (found := self.running.get(number)) is None:
            return False
        call, task, _ = found
        if number not in self.cancels and task is not None:
            target = call.run or task
            self.cancels[number] = target, target.cancelling()
            target.cancel()
        return True

    def state(self) -> dict[str, Any]:
        """Returns what a page shows of this process besides the calls that have ended."""
        now, clock = time.time(), self.clock()
        running = [
            {
                **{"number": number, "begun": now - clock + started, "request_id": cut(call.request_id)},
                **{"server": call.server, "tool": cut(call.tool), "via": call.via, "caller": call.caller.name},
                "cancelling": number in self.cancels,
            }
            for number, (call, _, started) in [*self.running.items()][:MAX_RUNNING_SHOWN]
        ]
        return {
            **{"process": self.process, "now": now, "up": now - self.begun, "running": running},
            **{"in_flight": len(self.running), "sessions": self.sessions(), "sockets": self.sockets},
            **{"rate": self._rates.last(now, RATE_WINDOW).calls / RATE_WINDOW, **self._rates.last(now)._asdict()},
            **percentiles(self.ring.since(now - WINDOW)),
        }

    def figures(self) -> dict[str, dict[str, Any]]:
        """Returns the figures of each tool by `server:tool`."""
        now = time.time()
        return {f"{server}:{tool}": tally.shown(now) for (server, tool), tally in self.tallies.items()}

    def _ended(self, record: _Record, offset: float) -> Ended:
        number, call, started, seconds, outcome, result, failure = record
        return Ended(
            number=number,
            begun=started + offset,
            seconds=seconds,
            waited=call.began - started if call.began else -1.0,
            request_id=cut(call.request_id),
            server=call.server,
            tool=cut(call.tool),
            via=call.via,
            caller=call.caller.name,
            outcome=outcome,
            problem=_problem(failure) if failure is not None else "",
            trace=call.trace,
            arguments=masking.of_arguments(call.arguments) if self.with_arguments else "",
            result=_shown(result) if self.with_arguments else "",
            marks=tuple(self._marks.pop(number, ())) if self._marks else (),
        )

    def _count(self, call: Ended) -> None:
        tally = self.tallies.get((call.server, call.tool))
        if tally is None:
            if len(self.tallies) >= MAX_TOOLS:
                return
            tally = self.tallies[call.server, call.tool] = Tally()
        tally.add(call)

    def _refused(self, reason: str, address: str, caller: str | None, request_id: str) -> None:
        fields = {"at": time.time(), "process": self.process, "reason": reason, "address": address}
        self.refusals.append({**fields, "caller": caller, "request_id": cut(request_id)})


def _problem(failure: GatewayError) -> str:
    """Returns the text that its caller got: it has no values of arguments."""
    reasons = [f"{error['path']}: {error['reason']}" for error in failure.errors[:5]]
    return masking.cut(" ".join([str(failure), "; ".join(reasons)]).rstrip(), MAX_PROBLEM)


def _shown(result: ToolResult | None) -> str:
    if result is None:
        return ""
    if result.is_error:
        return masking.of_text(result.message or str(result.native or ""))
    if result.asks is not None:
        return masking.of_arguments(dict(result.asks))
    if result.body or result.wire:
        return masking.of_json(result.body or result.wire)
    return masking.of_native(result.native)
