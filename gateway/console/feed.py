"""The calls of this process: those in flight, those that ended last, their figures, and what was refused."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any

from gateway.call import Report, ToolCall, ToolResult
from gateway.console import masking
from gateway.console.figures import GOOD, MAX_TOOLS, SLOT_SECONDS, Tally, percentiles
from gateway.console.rates import WINDOW, Rates
from gateway.console.ring import EMPTY, Call, Ended, Ring
from gateway.errors import GatewayError
from gateway.naming import MAX_SHOWN_LENGTH, cut

BATCH_DELAY = 0.05
MAX_BATCH = 1000
MAX_REFUSALS = 200
MAX_RUNNING_SHOWN = 200
"""Calls in flight that a page is told of, the oldest ones. Their number is exact."""

MAX_CONNECTIONS_SHOWN = 200
"""Sessions, streams and sockets that a page is told of. Their number is exact."""

MAX_MARKS = 50
"""Progress and log messages that are kept of one call."""

RATE_WINDOW = 10
"""Seconds over which the calls a second are told."""

REFUSALS = frozenset({"unauthenticated", "forbidden", "rate-limited", "share-exceeded"})
"""The outcomes of calls that are refusals too."""

More = tuple[str, str, str, str, tuple[tuple[float, str, str], ...]]
_Whole = tuple[ToolCall, ToolResult | None, GatewayError | None]
_Record = tuple[int, float, float, float, str, str, str, str, str, str | None, str, str, _Whole | None]
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
        self.numbers = count(1)
        self.records: list[_Record] = []
        self.is_scheduled = False
        self.running: dict[int, Running] = {}
        self.cancels: dict[int, tuple[asyncio.Task[Any], int]] = {}
        self.ring = Ring()
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.refusals: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.listeners: list[Callable[[Sequence[Call]], None]] = []
        self.sessions: Callable[[], int] = int
        self.held: list[Callable[[], list[dict[str, Any]]]] = []
        self.sockets = 0
        self.keeps_more = with_arguments
        self._marks: dict[int, list[tuple[float, str, str]]] = {}
        self._rates = Rates()

    def schedule(self) -> None:
        """Takes in what Watch has put into `records`, a moment later."""
        self.is_scheduled = True
        asyncio.get_running_loop().call_later(BATCH_DELAY, self.flush)

    def flush(self) -> None:
        """Takes in the calls that have ended. One loop with few calls in it: it runs for every call."""
        self.is_scheduled = False
        records = self.records[:]
        self.records.clear()
        now = time.time()
        offset, slot = now - self.clock(), int(now) // SLOT_SECONDS
        calls, tallies, errors = [], self.tallies, 0
        for number, started, seconds, began, request, server, tool, version, via, who, client, outcome, more in records:
            rest = EMPTY if more is None else self._more(number, *more)
            waited, name = began - started if began else -1.0, tool if len(tool) <= MAX_SHOWN_LENGTH else cut(tool)
            is_good = outcome in GOOD
            answered = "" if began or not is_good else "repeated" if more and more[0].is_repeated else "cache"
            about = request, server, name, version, via, who, client, outcome, answered
            call = (number, started + offset, seconds, waited, *about, *rest)
            calls.append(call)
            if more is None or more[0].entry is not None:
                tally = tallies.get((server, tool)) or self._tally(server, tool)
                tally.add(seconds, slot, is_good, began)
            if not is_good:
                errors += 1
                self._failed(Ended._make(call), more[0] if more is not None else None)
        self.ring.extend(calls)
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
                **({"client": call.client} if call.client else {}),
                **({"version": call.entry.version} if call.entry is not None and call.entry.version else {}),
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

    def connections(self) -> list[dict[str, Any]]:
        """Returns the sessions, streams and sockets that clients hold open, those used last first."""
        found = [each for shown in self.held for each in shown()]
        found.sort(key=lambda each: -each["used"])
        return [{"process": self.process, **each} for each in found[:MAX_CONNECTIONS_SHOWN]]

    def figures(self) -> dict[str, dict[str, Any]]:
        """Returns the figures of each tool by `server:tool`."""
        now = time.time()
        return {f"{server}:{tool}": tally.shown(now) for (server, tool), tally in self.tallies.items()}

    def _failed(self, ended: Ended, call: ToolCall | None) -> None:
        if (tally := self.tallies.get((ended.server, ended.tool))) is not None:
            tally.last_error = ended.begun, ended.outcome, ended.request_id
        if call is not None and ended.outcome in REFUSALS:
            self._refused(ended.outcome, call.caller.address, ended.caller, ended.request_id)

    def _more(self, number: int, call: ToolCall, result: ToolResult | None, failure: GatewayError | None) -> More:
        """Returns the fields of a call that most calls do not have: what went wrong, trace, content, marks."""
        return (
            masking.of_problem(failure) if failure is not None else "",
            call.trace,
            masking.of_arguments(call.arguments) if self.with_arguments else "",
            masking.of_result(result) if self.with_arguments else "",
            tuple(self._marks.pop(number, ())),
        )

    def _tally(self, server: str, tool: str) -> Tally:
        """Returns the figures of a tool that has none yet. Of too many tools, the last ones are counted nowhere."""
        if len(self.tallies) >= MAX_TOOLS:
            return Tally()
        found = self.tallies[server, tool] = Tally()
        return found

    def _refused(self, reason: str, address: str, caller: str | None, request_id: str) -> None:
        fields = {"at": time.time(), "process": self.process, "reason": reason, "address": address}
        self.refusals.append({**fields, "caller": caller, "request_id": cut(request_id)})
