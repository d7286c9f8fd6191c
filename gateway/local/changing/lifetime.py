"""The time in which the code of one server is open, in a task of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gateway.cancellation import to_its_end
from gateway.local.server import LocalServer

logger = logging.getLogger(__name__)


class Lifetime:
    """Opens and closes `server` in one task, as task groups require. `ended` is called if it ends by itself.

    `failure` is what its lifespan raised then, or when it was opened; None if it raised nothing.
    """

    def __init__(self, server: LocalServer, ended: Callable[[Lifetime], None]) -> None:
        self.server = server
        self.failure: BaseException | None = None
        self._ended = ended
        self.is_open = False
        self._opened, self._closing = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> bool:
        """Returns False if the server did not open. If it is cancelled, the server is closed again."""
        self._task = asyncio.create_task(self._run())
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            await to_its_end(self.close())
            raise
        return self.is_open

    async def retire(self, grace: float) -> None:
        """Closes the server after its calls in flight, which have `grace` seconds."""
        try:
            self.server.end_streams()
            async with asyncio.timeout(grace):
                await self.server.finished()
        except TimeoutError:
            pass
        finally:
            await to_its_end(self.close())

    async def close(self) -> None:
        """Closes the server, or gives up opening it. May be called again."""
        self._closing.set()
        if self._task is None:
            return
        if not self._opened.is_set():
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        name = self.server.name
        try:
            async with self.server.opened():
                self.is_open = True
                self._opened.set()
                await self._closing.wait()
        except BaseException as exc:  # the server's boundary: nothing that its lifespan raises ends another server
            self.failure = exc
            if self.is_open and self._closing.is_set():
                logger.error("server %r does not close", name, exc_info=exc)
        finally:
            ends_by_itself = self.is_open and not self._closing.is_set()
            self.is_open = False
            self._opened.set()
            if ends_by_itself:
                self._ended(self)
