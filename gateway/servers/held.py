"""One server of the registry: its state, and the task that opens and closes it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

import anyio
from anyio.abc import TaskStatus

from gateway.errors import StartError
from gateway.server import Server

logger = logging.getLogger(__name__)
State = Literal["starting", "ready", "failed"]


class HeldServer:
    """One server, its state, and the task that owns its lifetime."""

    def __init__(
        self, server: Server, state: State, changed: Callable[[], None], lost: Callable[[Server], None]
    ) -> None:
        self.server = server
        self.state: State = state
        self.failure: StartError | None = None
        self._changed = changed
        self._lost = lost
        self._is_running = False
        self._closing = anyio.Event()
        self._closed = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Opens the server, waits for `close`, and closes it: in one task, as task groups require."""
        self._is_running = True
        is_open = False
        try:
            async with self.server.opened():
                is_open = True
                self._become("ready")
                logger.info("server opened", extra={"fields": {"server": self.server.name}})
                task_status.started()
                await self._closing.wait()
        except (Exception, SystemExit) as exc:  # the server's boundary: nothing it raises ends another server
            self._fail(exc, is_open)
        else:
            logger.info("server closed", extra={"fields": {"server": self.server.name}})
        finally:
            self._closed.set()
            if not is_open:
                task_status.started()

    async def close(self) -> None:
        if self._is_running:
            self._closing.set()
            await self._closed.wait()

    def _become(self, state: State) -> None:
        self.state = state
        self._changed()

    def _fail(self, exc: BaseException, was_open: bool) -> None:
        name, reason = self.server.name, _reason(exc)
        if not was_open:
            self.failure = StartError(f"server {name!r} does not start: {reason}")
            self.failure.__cause__ = exc
        else:
            what = "does not close" if self._closing.is_set() else "failed"
            logger.error("server %r %s: %s", name, what, reason, exc_info=exc)
        self._become("failed")
        if was_open and not self._closing.is_set():
            self._lost(self.server)


def _reason(exc: BaseException) -> str:
    """Returns the first exception that is not a group, as one line."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}".splitlines()[0]
