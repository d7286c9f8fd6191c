"""The calls of this process: those in flight, those that ended last, their figures, and what was refused."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from gateway.call import CallNext, Report, ToolCall
from gateway.console.figures import GOOD, MAX_TOOLS, SLOT_SECONDS, Tally, percentiles
from gateway.console.notes import Draft, Notes, Outcome, given, notes_of
from gateway.console.rates import RATE_SECONDS, WINDOW, Rates
from gateway.console.ring import Record, Ring, by_second, durations
from gateway.console.steps import Steps
from gateway.naming import cut

MAX_BATCH = 1000
MAX_REFUSALS = 200
MAX_RUNNING_SHOWN = 200
"""Calls in flight that a page is told of, the oldest ones. Their number is exact."""

MAX_CONNECTIONS_SHOWN = 200
"""Sessions, streams and sockets that a page is told of. Their number is exact."""

WATCHED = 60.0
"""Seconds after a look in which somebody is taken to look on."""

NOTED = 100
"""Calls whose steps are noted after each look: it bounds what looking costs. A page looks four times a second."""

REFUSALS = frozenset({"unauthenticated", "forbidden", "rate-limited", "share-exceeded"})
"""The outcomes of calls that are refusals too."""

Running = tuple[ToolCall, "asyncio.Task[Any] | None", float]
"""A call in flight, its task, and when it began on the clock."""


class Feed:
    """Takes what `Watch` records. Calls that ended are taken in together: when somebody looks, or 1,000 at once.

    With `with_arguments`, arguments and results are kept, masked and cut. With `keeps_more`, each call has notes.
    """

    def __init__(self, *, with_arguments: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self.process = secrets.token_hex(4)
        self.begun = time.time()
        self.with_arguments = self.keeps_more = with_arguments
        self.clock = clock
        self.numbers = count(1)
        self.records: list[Record] = []
        self.running: dict[int, Running] = {}
        self.cancels: dict[int, tuple[asyncio.Task[Any], int]] = {}
        self.drafts: defaultdict[int, Draft] = defaultdict(Draft)
        self.left_to_note = 0
        self.ring = Ring()
        self.refusals: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.sessions: Callable[[], int] = int
        self.held: list[Callable[[], list[dict[str, Any]]]] = []
        self.sockets = 0
        self._watched_until = 0.0
        self._notes = Notes()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._rates = Rates()
        self.loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        yield

    @property
    def is_watched(self) -> bool:
        return self._watched_until > self.clock()

    def watch(self) -> None:
        """Notes that somebody looks."""
        self._watched_until = self.clock() + WATCHED
        self.left_to_note = NOTED

    def flush(self) -> None:
        """Takes in the calls that have ended."""
        records = self.records[:]
        self.records.clear()
        self.ring.extend(records)
        for second, calls in by_second(records, self._offset()):
            self._rates.add(second, calls=len(calls))
            for (server, tool), seconds in durations(calls).items():
                self._tally(server, tool).add(seconds, second // SLOT_SECONDS)

    def note(self, number: int, call: ToolCall, outcome: Outcome) -> None:
        """Takes the end of a call of which there may be more to say than of most."""
        if number in self.cancels:
            self.cancels.pop(number)[0].uncancel()
        if fields := notes_of(call, outcome, self.drafts.pop(number, None), self.with_arguments):
            self._notes.put(number, fields)
        if call.entry is not None and call.answered:
            self._tally(call.server, call.tool).without_tool += 1
        if outcome.word not in GOOD:
            self._failed(call, outcome)

    def noting(self, number: int, call_next: CallNext, started: float) -> CallNext:
        """Returns `call_next` so that its steps are noted."""
        self.left_to_note -= 1
        steps = self.drafts[number].steps = Steps(self.clock, started)
        return steps.around(call_next)

    def reporting(self, number: int, report: Report, started: float) -> Report:
        """Returns `report` so that what the tool reports is kept as marks of its call."""
        return self.drafts[number].reporting(report, self.with_arguments, lambda: self.clock() - started)

    def shown(self, call: Record) -> dict[str, Any]:
        """Returns a call that is over, as a page gets it."""
        number, started, seconds, request_id, server, tool, version, via, caller, client, outcome = call
        return {
            **{"process": self.process, "number": number, "begun": started + self._offset(), "seconds": seconds},
            **{"request_id": request_id, "server": server, "tool": tool, "via": via, "caller": caller},
            **given(client=client, version=version),
            **{"outcome": outcome, **self._notes.of(number)},
        }

    def refused(self, reason: str, address: str, caller: str | None, request_id: str) -> None:
        """Takes a request that was refused before it became a call."""
        self._rates.add(time.time(), refusals=1)
        self._refused(reason, address, caller, request_id)

    def websockets_changed(self, by: int) -> None:
        self.sockets += by

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
        self.flush()
        now, clock = time.time(), self.clock()
        running = [
            {
                **{"number": number, "begun": now - clock + started, "request_id": cut(call.request_id)},
                **{"server": call.server, "tool": cut(call.tool), "via": call.via, "caller": call.caller.name},
                **given(client=call.client, version="" if call.entry is None else call.entry.version),
                "cancelling": number in self.cancels,
            }
            for number, (call, _, started) in [*self.running.items()][:MAX_RUNNING_SHOWN]
        ]
        return {
            **{"process": self.process, "now": now, "up": now - self.begun, "running": running},
            **{"in_flight": len(self.running), "sessions": self.sessions(), "sockets": self.sockets},
            **{"rate": self._rates.last(now, RATE_SECONDS).calls / RATE_SECONDS, **self._rates.last(now)._asdict()},
            **percentiles(self.ring.since(clock - WINDOW)),
        }

    def connections(self) -> list[dict[str, Any]]:
        """Returns the sessions, streams and sockets that clients hold open, those used last first."""
        found = [each for shown in self.held for each in shown()]
        found.sort(key=lambda each: -each["used"])
        return [{"process": self.process, **each} for each in found[:MAX_CONNECTIONS_SHOWN]]

    def figures(self) -> dict[str, dict[str, Any]]:
        """Returns the figures of each tool by `server:tool`."""
        self.flush()
        return {f"{server}:{tool}": tally.shown(time.time()) for (server, tool), tally in self._tallies.items()}

    def _failed(self, call: ToolCall, outcome: Outcome) -> None:
        now = time.time()
        self._rates.add(now, errors=1)
        if call.entry is not None:
            tally = self._tally(call.server, call.tool)
            tally.errors += 1
            tally.last_error = now - outcome.seconds, outcome.word, call.request_id
        if outcome.word in REFUSALS:
            self._refused(outcome.word, call.caller.address, call.caller.name, call.request_id)

    def _tally(self, server: str, tool: str) -> Tally:
        """Returns the figures of a tool. Of too many tools, the last ones are counted nowhere."""
        if (found := self._tallies.get((server, tool))) is None:
            found = Tally()
            if len(self._tallies) < MAX_TOOLS:
                self._tallies[server, tool] = found
        return found

    def _refused(self, reason: str, address: str, caller: str | None, request_id: str) -> None:
        fields = {"at": time.time(), "process": self.process, "reason": reason, "address": address}
        self.refusals.append({**fields, "caller": caller, "request_id": cut(request_id)})

    def _offset(self) -> float:
        """Returns the seconds since 1970 at which the clock stood at 0."""
        return time.time() - self.clock()
