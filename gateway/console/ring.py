"""The last calls, bounded by number."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

MAX_CALLS = 2000
"""Each has less than a kilobyte."""

Record = tuple[int, float, float, str, str, str, str | None, str, str | None, str, str]
"""A call that is over: its number, its start on the clock, its seconds, and its request id, server, tool, version, way
in, caller, client program and outcome. The version is empty for a tool without, and None if the server has no such
tool. A plain tuple, which the garbage collector need not follow, costs every call least.
"""


def ended(call: Record) -> float:
    return call[1] + call[2]


def by_second(calls: Sequence[Record], offset: float) -> Iterator[tuple[int, Sequence[Record]]]:
    """Yields calls, which stand in the order of their ends, by the second since 1970. `offset` is that of the clock."""
    begin = 0
    while begin < len(calls):
        second = int(ended(calls[begin]) + offset)
        end = max(bisect_right(calls, second + 1 - offset, begin, key=ended), begin + 1)
        yield second, calls[begin:end]
        begin = end


def durations(calls: Sequence[Record]) -> Mapping[tuple[str, str], Sequence[float]]:
    """Returns the seconds of the calls of each tool, by server and tool."""
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for call in calls:
        if call[6] is not None:
            found[call[4], call[5]].append(call[2])
    return found


class Ring:
    """Each call gets the next number of a sequence, by which a reader goes on where it was. Full, the oldest go."""

    def __init__(self, max_calls: int = MAX_CALLS) -> None:
        self.last = 0
        self._calls: deque[Record] = deque(maxlen=max_calls)

    def extend(self, calls: Sequence[Record]) -> None:
        self.last += len(calls)
        self._calls.extend(calls)

    def after(self, sequence: int, most: int) -> tuple[list[Record], int]:
        """Returns the calls after a number of the sequence, at most the last `most`, and how many were left out."""
        new = self.last - sequence
        count = max(0, min(new, most, len(self._calls)))
        return [*islice(self._calls, len(self._calls) - count, None)], max(0, new - count)

    def following(self, sequence: int, most: int) -> tuple[list[Record], int]:
        """Returns the first `most` calls after a number of the sequence, and how many before them are gone."""
        new = self.last - sequence
        gone = max(0, new - len(self._calls))
        begin = len(self._calls) - (new - gone)
        return [*islice(self._calls, begin, begin + most)], gone

    def of_request(self, request_id: str) -> list[Record]:
        return [call for call in self._calls if call[3] == request_id]

    def since(self, at: float) -> list[float]:
        """Returns the durations of the calls that ended after a time on the clock, the last call first."""
        durations = []
        for call in reversed(self._calls):
            if ended(call) < at:
                break
            durations.append(call[2])
        return durations
