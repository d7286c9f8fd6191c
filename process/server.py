"""uvicorn's server with our signals, an announcement when it serves, and an end that loses no request.

The overrides depend on uvicorn's internals, so uvicorn is pinned to a minor version.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn

from process.last_connections import refuse_handshakes, waiting_connections
from process.output import drain
from process.signals import handled, present
from process.unix_socket import BACKLOG

logger = logging.getLogger(__name__)

LAST_REQUESTS = 0.5
"""Seconds that a connection may take, at the end, to send the request for which it was opened."""

LAST_STEPS = 1.5
"""Seconds after the grace in which the process must have ended. Then it writes its log, and ends in the middle."""


class Server(uvicorn.Server):
    """Calls `announce` when it serves. SIGQUIT and SIGHUP end it like SIGTERM, but SIGHUP does not end a worker.

    After SIGTERM it serves on for `drain_delay` seconds. `is_draining` tells the application, which asks its clients to
    leave. SIGINT, or a second signal, skips the rest of the delay. It calls `release` when it has ended: the signal
    that ended it may end the process at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        drain_delay: float,
        announce: Callable[[], None],
        release: Callable[[], None] = lambda: None,
        is_worker: bool = False,
    ) -> None:
        super().__init__(config)
        self.is_draining = False
        self._drain_delay = drain_delay
        self._stop_at = math.inf
        self._announce = announce
        self._release = release
        self._is_worker = is_worker
        self._signalled = threading.Event()
        self._ended = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        threading.Thread(target=self._end_at_last, daemon=True).start()
        try:
            super().run(sockets)
        finally:
            self._ended.set()
            self._signalled.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn raises the signals that it captured again at the end of this block, which ends the process.
        hangup = [] if self._is_worker else present("SIGHUP")
        hangup = [each for each in hangup if signal.getsignal(each) is not signal.SIG_IGN]  # `nohup` ignores it
        more = [*present("SIGQUIT"), *hangup]
        with super().capture_signals(), handled(more, lambda _, frame: self.handle_exit(signal.SIGTERM, frame)):
            try:
                yield
            finally:
                drain()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._signalled.set()
        if sig == signal.SIGTERM and self.started and self._drain_delay and not self.is_draining:
            self.is_draining = True
            self.should_exit = False
            self._stop_at = time.monotonic() + self._drain_delay

    async def on_tick(self, counter: int) -> bool:
        self.should_exit |= time.monotonic() >= self._stop_at
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            if not self.should_exit:
                raise
        for listener in sockets or []:  # asyncio has set the queue to the number that it accepts in one turn
            listener.listen(BACKLOG)
        # Loaded modules and schemas stay for ever; a full collection of them would hold up every call by 0.1 seconds.
        gc.freeze()
        if not self.should_exit:  # else a signal has ended the start
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._take_last_connections(sockets or [])
        await super().shutdown(sockets)
        self._release()
        logger.info("stopped")  # not later: uvicorn raises the signal again as soon as this returns

    async def _take_last_connections(self, sockets: Sequence[socket.socket]) -> None:
        """Accepts the connections that wait in the kernel, and lets new ones send their first request.

        Closing a listening socket resets the former, and uvicorn closes the latter: their requests would be lost.
        """
        loop = asyncio.get_running_loop()
        if not self._is_worker:  # other workers may listen on, at the same sockets
            await refuse_handshakes(sockets)
        waiting = list(waiting_connections(sockets))
        for server in self.servers:
            server.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._new_protocol, connection)
        until = loop.time() + LAST_REQUESTS
        while loop.time() < until and any(
            getattr(each, "cycle", each) is None for each in self.server_state.connections
        ):
            await asyncio.sleep(0.01)

    def _new_protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _end_at_last(self) -> None:
        """Ends the process if a start, a tool or an end of a server hangs longer than the grace after a signal."""
        self._signalled.wait()
        grace = self.config.timeout_graceful_shutdown or 0
        if self._ended.wait(self._drain_delay + grace + LAST_STEPS):
            return
        logger.error("something did not end within the grace; the process ends now")
        drain()
        os._exit(1)
