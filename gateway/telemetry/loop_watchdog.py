"""Notices when the event loop does not turn, and names the code that holds it up.

One blocking tool stops every server of the process, and without this line nothing tells which one it was.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.call import request_id
from gateway.telemetry.stack import running_code

logger = logging.getLogger(__name__)
LAG_WINDOW = 60.0
"""Seconds for which the longest delay is reported."""


class LoopWatchdog:
    """Logs a line when the loop is late by `threshold`, and another when it turns again.

    A timer of the loop moves the time at which it is due, and a thread looks at it, each every `interval`. In the time
    `quiet` after a line, further blocks are only counted. All three are seconds. `listeners` are called in the thread,
    with the longest delay of the last minute in seconds, whenever that changes.
    """

    def __init__(self, interval: float = 0.5, threshold: float = 1.0, quiet: float = 5.0) -> None:
        self.listeners: list[Callable[[float], None]] = []
        self._interval = interval
        self._threshold = threshold
        self._quiet = quiet
        self._stopped = threading.Event()
        self._folder = os.getcwd()
        self._loop_thread = 0
        self._due = 0.0
        self._resumed_at = 0.0
        self._delays: deque[float] = deque(maxlen=8)
        self._recent: deque[float] = deque([0.0], maxlen=round(LAG_WINDOW / interval))
        self._lag = -1.0
        self._next_line = threshold
        self._quiet_until = 0.0
        self._is_logged = False
        self._unlogged = 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self._loop_thread = threading.get_ident()
        self._due = time.monotonic()
        self._beat()
        threading.Thread(target=self._watch, name="loop watchdog", daemon=True).start()
        try:
            yield
        finally:
            self._timer.cancel()
            self._stopped.set()  # and not joined: it may be writing to a log that nobody reads

    def _beat(self) -> None:
        """Runs in the loop."""
        now = time.monotonic()
        self._delays.append(now - max(self._due, self._resumed_at))
        self._due = now + self._interval
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._beat)

    def _watch(self) -> None:
        """Runs in the thread."""
        looked, used = time.monotonic(), time.process_time()
        while not self._stopped.wait(self._interval):
            now, cpu = time.monotonic(), time.process_time()
            late = now - looked - self._interval
            # A suspended process is late in every thread and uses no CPU; one in which a tool holds the GIL uses some.
            if late > self._threshold and cpu - used < late / 10:
                self._resumed_at = now
                self._delays.clear()
            else:
                self._look(now)
            looked, used = now, cpu

    def _look(self, now: float) -> None:
        blocked = max(0.0, now - max(self._due, self._resumed_at))
        ended = 0.0
        while self._delays:
            ended = max(ended, self._delays.popleft())
        self._report_lag(max(blocked, ended))
        if blocked >= self._next_line:
            self._next_line = 10 * blocked
            self._log_block(now, blocked)
        elif blocked < self._threshold:
            self._next_line = self._threshold
            self._log_end(now, ended)

    def _report_lag(self, seconds: float) -> None:
        self._recent.append(seconds)
        lag = max(self._recent)
        if lag != self._lag:
            self._lag = lag
            for listener in self.listeners:
                listener(lag)

    def _log_block(self, now: float, seconds: float) -> None:
        if now < self._quiet_until:
            self._unlogged += 1
            return
        frame = sys._current_frames().get(self._loop_thread)
        call, stack = running_code(frame, self._folder)
        fields = {"seconds": round(seconds, 1), "stack": stack, "more": self._unlogged or ""}
        if call is not None:
            request_id.set(call.request_id)
            fields = {"server": call.server, "tool": call.tool[:128], **fields}
        logger.warning("Event loop blocked", extra={"fields": fields})
        request_id.set("-")
        self._is_logged, self._unlogged, self._quiet_until = True, 0, now + self._quiet

    def _log_end(self, now: float, seconds: float) -> None:
        if self._is_logged:
            self._is_logged = False
            logger.warning("Event loop turns again", extra={"fields": {"seconds": round(seconds, 1)}})
        elif seconds >= self._threshold and now >= self._quiet_until:  # it was over before the thread could look
            self._quiet_until = now + self._quiet
            logger.warning("Event loop was blocked", extra={"fields": {"seconds": round(seconds, 1)}})
