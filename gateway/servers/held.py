"""One server of the registry: its state, and the task that opens and closes it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Literal

import anyio
from anyio.abc import TaskStatus

from gateway.cancellation import was_requested
from gateway.errors import GatewayError, StartError
from gateway.in_flight import InFlight
from gateway.server import Server

logger = logging.getLogger(__name__)
State = Literal["starting", "ready", "failed"]
Ready = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Waits for nothing: what is open is ready."""


class HeldServer:
    """One server, its state, and the task that owns its lifetime. `requests` are those that came in by its own path.

    `ready` is awaited when the server is open, and raises if it cannot be used all the same.
    """

    def __init__(
        self,
        server: Server,
        state: State,
        changed: Callable[[], None],
        tell: Callable[[Server, bool], None],
        ready: Ready = at_once,
    ) -> None:
        self.server = server
        self.state: State = state
        self.failure: StartError | None = None
        self.requests = InFlight()
        self._changed = changed
        self._tell = tell
        self._ready = ready
        self._is_open = False
        self._lifetime: anyio.CancelScope | None = None
        self._closing = anyio.Event()
        self._is_over = False
        self._closed: anyio.Event | None = None  # while somebody waits for that

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Opens the server, waits for `close`, and closes it: in one task, as task groups require."""
        try:
            with anyio.CancelScope() as self._lifetime:
                if not self._closing.is_set():
                    await self._live(task_status)
            self._ended()
        except BaseException as exc:  # the server's boundary: nothing it raises ends another server
            if was_requested(exc):
                raise
            self._fail(exc)
        finally:
            self._is_over = True
            if self._closed is not None:
                self._closed.set()
            if not self._is_open:
                self._become("failed")
                task_status.started()

    async def close(self) -> None:
        """Closes the server, or gives up opening it."""
        self._closing.set()
        if self._lifetime is None:  # `run` has not begun
            return
        if not self._is_open:
            self._lifetime.cancel()
        if not self._is_over:
            self._closed = self._closed or anyio.Event()
            await self._closed.wait()

    async def retire(self, grace: float) -> None:
        """Waits up to `grace` seconds for the requests in flight of a server that gets no others, and closes it."""
        self._tell = _nobody  # its end is no news of the one that has its name now
        try:
            if self.state == "ready":
                self.server.end_streams()
            with anyio.move_on_after(grace):
                await self.requests.drained()
                await self.server.drained()
        finally:
            with anyio.CancelScope(shield=True):
                await self.close()

    async def _live(self, task_status: TaskStatus[None]) -> None:
        # Before it opens: a lifespan that hangs may block the event loop too, and then nothing else can say so.
        logger.info("opening server", extra={"fields": {"server": self.server.name}})
        async with self.server.opened():
            await self._ready()
            self._is_open = True
            logger.info("server opened", extra={"fields": {"server": self.server.name}})
            if not self._closing.is_set():
                self._become("ready")
                self._tell(self.server, True)
            task_status.started()
            await self._closing.wait()

    def _become(self, state: State) -> None:
        self.state = state
        self._changed()

    def _ended(self) -> None:
        name = self.server.name
        if self._is_open and not self._closing.is_set():  # its lifespan kept to itself what ended it
            self._fail(RuntimeError("its lifespan ended while it was served"))
        elif self._is_open:
            logger.info("server closed", extra={"fields": {"server": name}})
        else:
            self.failure = StartError(f"server {name!r} was removed before it was open")

    def _fail(self, exc: BaseException) -> None:
        name, reason = self.server.name, _reason(exc)
        if not self._is_open:
            self.failure = start_error(name, exc)
            return
        what = "does not close" if self._closing.is_set() else "failed"
        logger.error("server %r %s: %s", name, what, reason, exc_info=exc)
        self._become("failed")
        if not self._closing.is_set():
            self._tell(self.server, False)


def _nobody(server: Server, came: bool) -> None:
    """Tells nobody."""


def start_error(name: str, exc: BaseException) -> StartError:
    """Returns the error for a server whose lifespan raised `exc` before it was open."""
    error = StartError(f"server {name!r} does not start: {_reason(exc)}")
    error.__cause__ = exc
    return error


def _reason(exc: BaseException) -> str:
    """Returns the first exception that is not a group, as one line."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    if isinstance(exc, GatewayError):
        return str(exc)
    return f"{type(exc).__name__}: {exc}".splitlines()[0]
