"""The last calls, bounded by number and by bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

MAX_CALLS = 2000
MAX_BYTES = 8 * 1024 * 1024
"""Bytes of arguments, results and marks. What else there is of a call has less than a kilobyte."""
NOTHING = ("", "", ())
EMPTY = ("", "", "", "", ())
"""The fields of a call from `problem` on, if there is nothing to say."""


class Ended(NamedTuple):
    """A call that is over. `begun` is in seconds since 1970, `seconds` its duration.

    `waited` are the seconds until its tool began; negative if no tool ran for it. `version` is that of the tool, empty
    for a tool without versions. `client` is the program of a native caller. `answered` is `cache` or `repeated` if an
    earlier result was the answer. `problem` is the text of the error that kept it from its result. `arguments` and
    `result` are empty unless they are to be shown.
    """

    number: int
    begun: float
    seconds: float
    waited: float
    request_id: str
    server: str
    tool: str
    version: str
    via: str
    caller: str | None
    client: str
    outcome: str
    answered: str
    problem: str
    trace: str = ""
    arguments: str = ""
    result: str = ""
    marks: tuple[tuple[float, str, str], ...] = ()

    def shown(self, process: str) -> dict[str, Any]:
        """Returns the call as a page gets it. `process` is the one in which it ran."""
        return {"process": process, **{name: value for name, value in self._asdict().items() if value not in ("", ())}}


Call = tuple[Any, ...]
"""The fields of an `Ended`. As a plain tuple, which the garbage collector need not follow, it costs every call less."""


class Ring:
    """Each call gets the next number of a sequence, by which a reader goes on where it was."""

    def __init__(self, max_calls: int = MAX_CALLS, max_bytes: int = MAX_BYTES) -> None:
        self.last = 0
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls: deque[Call] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._calls)

    def extend(self, calls: Sequence[Call]) -> None:
        self.last += len(calls)
        self._calls.extend(calls)
        self._bytes += sum(_size(call) for call in calls if call[-3:] != NOTHING)
        while len(self._calls) > self._max_calls or self._bytes > self._max_bytes:
            call = self._calls.popleft()
            if call[-3:] != NOTHING:
                self._bytes -= _size(call)

    def after(self, sequence: int, most: int) -> tuple[list[Ended], int]:
        """Returns the calls after a number of the sequence, at most the last `most`, and how many were left out."""
        new = self.last - sequence
        count = max(0, min(new, most, len(self._calls)))
        calls = [Ended._make(self._calls[at]) for at in range(len(self._calls) - count, len(self._calls))]
        return calls, max(0, new - count)

    def of_request(self, request_id: str) -> list[Ended]:
        return [ended for ended in map(Ended._make, self._calls) if ended.request_id == request_id]

    def since(self, begun: float) -> list[float]:
        """Returns the durations of the calls that began after a time, the last call first."""
        durations = []
        for call in map(Ended._make, reversed(self._calls)):
            if call.begun + call.seconds < begun:
                break
            durations.append(call.seconds)
        return durations


def _size(call: Call) -> int:
    """Returns the bytes of arguments, result and marks, of which nobody else bounds the number."""
    arguments, result, marks = call[-3:]
    texts = sum(len(text) + 100 for _, _, text in marks)
    return 4 * (len(arguments) + len(result)) + texts
