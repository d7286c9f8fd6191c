"""Ends children that use more memory than their entries allow: one look at all processes for all of them.

`RLIMIT_AS` is no such limit: it counts addresses, of which Node and Java reserve many times what they use.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping

INTERVAL = 5.0
"""Seconds between two looks."""

_MIB = 1024 * 1024
_GROUP, _RESIDENT = 2, 21
"""Fields of `/proc/PID/stat` after the program's name: the process group, and the resident memory in pages."""


class Memory:
    """The process groups that are watched, each with its limit in bytes."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[int, Callable[[str], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def hold(self, group: int, limit: int, over: Callable[[str], None]) -> None:
        """Watches a group until it is released. `over` is called once, with the reason, if it is above its limit."""
        self._held[group] = limit, over
        if self._task is None:
            self._task = asyncio.ensure_future(self._watch())

    def release(self, group: int) -> None:
        self._held.pop(group, None)
        if not self._held and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            used = await asyncio.to_thread(resident)
            for group, (limit, over) in [*self._held.items()]:
                if used.get(group, 0) > limit:
                    self._held[group] = limit, _ignore  # it is being ended
                    over(f"it used {used[group] // _MIB} MiB of memory, and maxMemory is {limit / _MIB:g} MiB")


def resident() -> Mapping[int, int]:
    """Returns the bytes of resident memory of each process group; nothing where there is no `/proc`."""
    found: Counter[int] = Counter()
    page = os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc") if os.path.exists("/proc/self/stat") else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # the name before may have blanks and brackets
        except OSError:  # it has ended
            continue
        found[int(fields[_GROUP])] += int(fields[_RESIDENT]) * page
    return found


def _ignore(reason: str) -> None:
    """Takes no reason."""
