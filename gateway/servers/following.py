"""Follows the files that describe the servers: each server that a change concerns is added, changed or removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import anyio

from gateway.errors import LoadError, StartError, UnknownServer
from gateway.servers.changes import Changes
from gateway.servers.files import Files, FollowedSource
from gateway.servers.registry import Registry
from gateway.servers.stamps import Stamps, stamps

logger = logging.getLogger(__name__)
INTERVAL = 0.5
"""Seconds between two looks at the files."""

SETTLED = 0.1
"""Seconds in which nothing must change before the files are read: somebody may still be writing them."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until a server that did not start is tried again; twice as many after each failure."""


class Following:
    """Changes the servers as their files change. If these cannot be read, nothing changes.

    Servers change beside each other: none waits for a slow one.
    """

    def __init__(self, registry: Registry, changes: Changes, files: Files) -> None:
        self._registry = registry
        self._changes = changes
        self._files = files
        self._sources = files.sources
        self._stamps = dict(files.stamps)
        self._changed: set[Path] = set()
        self._fault = ""
        self._looking = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tried: dict[str, asyncio.Event] = {}
        self._removals: set[asyncio.Task[None]] = set()
        changes.versions.update({name: source.version for name, source in self._sources.items()})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows the files inside of the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            for each in (task, *self._tasks.values(), *self._removals):
                each.cancel()
            await asyncio.gather(task, *self._tasks.values(), *self._removals, return_exceptions=True)

    async def look_now(self, *names: str, retry: bool = False) -> None:
        """Reads the files, and returns when what they now say of the servers of these names, or of all, was tried.

        With `retry`, what has failed before is tried again, too. Of what fails, `Registry.stale` has the reasons.

        Raises:
            LoadError: the files cannot be read, and nothing is changed.
        """
        async with self._looking:
            self._note(await self._stamped())
            await self._read(retry=retry)
        for name in names or [*self._tried]:
            while (tried := self._tried.get(name)) is not None and not tried.is_set():
                await tried.wait()  # another change may have taken its place meanwhile

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                with suppress(LoadError):  # it was logged, and is noted
                    async with self._looking:
                        await self._look()
            except Exception:  # the boundary of this task: what is served goes on, and the next change is looked at
                logger.exception("the files of the servers could not be followed")

    async def _look(self) -> None:
        """Looks for changes. Raises LoadError if the files cannot be read."""
        if not self._note(found := await self._stamped()):
            return
        while found != (found := await self._stamped_later()):
            self._note(found)
        await self._read()

    async def _read(self, *, retry: bool = False) -> None:
        """Reads the files, after their stamps, so that no later change is taken for read. Raises LoadError."""
        try:
            self._sources = await anyio.to_thread.run_sync(self._files.read)
        except LoadError as exc:
            logger.error("nothing is changed: %s", exc)
            self._note_fault(str(exc))
            raise
        self._note_fault("")
        changed, self._changed = self._changed, set()
        for name in self._changes.versions.keys() - self._sources.keys():
            del self._changes.versions[name]
            self._begin(name, partial(self._remove, name))
        for name, source in self._sources.items():
            is_other = self._changes.versions.get(name) != source.version or changed & source.files
            if is_other or (retry and name in self._registry.stale):
                self._changes.versions[name] = source.version
                self._begin(name, partial(self._put, name, source))

    def _note(self, found: Stamps) -> bool:
        """Notes the paths that have changed. One that nobody has looked at before has not."""
        changed = {path for path, stamp in found.items() if self._stamps.get(path, stamp) != stamp}
        self._stamps = dict(found)
        self._changed |= changed
        return bool(changed)

    def _note_fault(self, fault: str) -> None:
        """Notes why the files cannot be read: every server may be another one than they say. Empty if they can."""
        stale = self._registry.stale
        for name in [name for name, reason in stale.items() if reason == self._fault]:
            del stale[name]
        self._fault = fault
        for name in self._changes.versions if fault else ():
            stale.setdefault(name, fault)

    async def _stamped(self) -> Stamps:
        own = {path for source in self._sources.values() for path in source.files}
        return await anyio.to_thread.run_sync(lambda: stamps({*self._files.watched(), *own}))

    async def _stamped_later(self) -> Stamps:
        await asyncio.sleep(SETTLED)
        return await self._stamped()

    def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does what is now wanted of a server, instead of what was wanted of it before."""
        before = self._tasks.get(name)
        if before is not None:
            before.cancel()

        async def run() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        def done(_: object) -> None:
            tried.set()
            if self._tasks.get(name) is task:
                del self._tasks[name], self._tried[name]

        tried = self._tried[name] = asyncio.Event()
        task = self._tasks[name] = asyncio.create_task(run())
        task.add_done_callback(done)

    async def _remove(self, name: str) -> None:
        task = asyncio.create_task(self._changes.remove(name))
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)
        await asyncio.sleep(0)  # from now on the name is free; its requests in flight are answered meanwhile

    async def _put(self, name: str, source: FollowedSource) -> None:
        goes_on = "; the server that it would replace goes on" if name in self._registry else ""
        pause, said, tried = FIRST_PAUSE, "", self._tried[name]
        while True:
            try:
                await self._changes.put(name, source)
                return
            except (LoadError, StartError, UnknownServer) as exc:
                if said != (said := str(exc)):
                    logger.error("%s%s", exc, goes_on, extra={"fields": {"server": name}})
                if isinstance(exc, UnknownServer) or not source.retries:
                    return
            except Exception:  # the boundary of this task: the server is as before
                logger.exception("a server could not be changed", extra={"fields": {"server": name}})
                self._registry.stale[name] = "it could not be changed; the log has the reason"
                return
            tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
