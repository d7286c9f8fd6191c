"""Follows the files that describe the servers: each server that a change concerns is added, replaced or removed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio

from gateway.errors import LoadError, StartError, UnknownServer
from gateway.server import Server
from gateway.servers.registry import Registry

logger = logging.getLogger(__name__)
INTERVAL = 0.5
"""Seconds between two looks at the files."""

SETTLED = 0.1
"""Seconds in which nothing must change before the files are read: somebody may still be writing them."""


class Source(Protocol):
    """One server as the files describe it."""

    def version(self) -> object:
        """Returns what is equal until the server must be made again. Called in a thread."""
        ...

    def load(self) -> None:
        """Reads what the server is made of, in a thread. Raises LoadError."""
        ...

    def make(self) -> Server: ...

    async def ready(self, server: Server) -> None:
        """Waits until the server, which is open, can take the place of another. Raises StartError if it never will."""
        ...


class Described(Protocol):
    """The contents of the files. `watched` are all paths that may say something else later."""

    @property
    def sources(self) -> Mapping[str, Source]: ...

    @property
    def watched(self) -> Iterable[Path]: ...


class Following:
    """`described` reads the files; it raises LoadError, and then nothing changes.

    A server is replaced when its successor is ready, and has `grace` seconds for its requests in flight.
    `failures` are the reasons why servers are not served as the files say, by name.
    """

    def __init__(self, registry: Registry, described: Callable[[], Described], grace: float) -> None:
        self._registry = registry
        self._read = described
        self._grace = grace
        self._versions: dict[str, object] = {}
        self._described: Described | None = None
        self._stamps: object = None
        self.failures: dict[str, str] = {}
        self._looking = asyncio.Lock()
        self._removals: set[asyncio.Task[None]] = set()

    async def look_now(self, *, retry: bool = False) -> None:
        """Makes what the files say now what is served; with `retry`, also what has failed before. Raises LoadError."""
        async with self._looking:
            self._stamps = await anyio.to_thread.run_sync(self._stamped)
            if retry:
                self._versions |= dict.fromkeys(self.failures)
            await self._apply(await anyio.to_thread.run_sync(self._read))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows the files inside of the block. What they say at its beginning is what is served."""
        await anyio.to_thread.run_sync(self._begin)
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            for removal in [*self._removals]:
                removal.cancel()
            await asyncio.gather(*self._removals, return_exceptions=True)

    def _begin(self) -> None:
        self._described = self._read()
        self._versions = {name: source.version() for name, source in self._described.sources.items()}
        self._stamps = self._stamped()

    def _stamped(self) -> object:
        assert self._described is not None
        return stamps(self._described.watched)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                async with self._looking:
                    await self._look()
            except Exception:  # the boundary of this task: what is served goes on, and the next change is looked at
                logger.exception("the files of the servers could not be followed")

    async def _look(self) -> None:
        found = await anyio.to_thread.run_sync(self._stamped)
        if found == self._stamps:
            return
        while found != (found := await self._stamped_later()):
            pass
        self._stamps = found
        try:
            described = await anyio.to_thread.run_sync(self._read)
        except LoadError as exc:
            logger.error("nothing is changed: %s", exc)
            return
        await self._apply(described)

    async def _apply(self, described: Described) -> None:
        self._described = described
        for name in self._versions.keys() - described.sources.keys():
            await self._remove(name)
        for name, source in described.sources.items():
            version = await anyio.to_thread.run_sync(source.version)
            if self._versions.get(name) != version:
                await self._serve(name, source)
                self._versions[name] = await anyio.to_thread.run_sync(source.version)
        self._stamps = await anyio.to_thread.run_sync(self._stamped)

    async def _stamped_later(self) -> object:
        await asyncio.sleep(SETTLED)
        return await anyio.to_thread.run_sync(self._stamped)

    async def _remove(self, name: str) -> None:
        del self._versions[name]
        self.failures.pop(name, None)
        logger.info("server removed", extra={"fields": {"server": name}})
        removal = asyncio.create_task(self._drain(name))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        await asyncio.sleep(0)  # now it gets no further request

    async def _drain(self, name: str) -> None:
        with suppress(UnknownServer):
            await self._registry.remove(name, self._grace)

    async def _serve(self, name: str, source: Source) -> None:
        is_new = name not in self._registry
        try:
            await anyio.to_thread.run_sync(source.load)
            server = source.make()
            if is_new:
                await self._registry.add(server)
            else:
                await self._registry.replace(server, self._grace, partial(source.ready, server))
        except (LoadError, StartError) as exc:
            goes_on = "" if is_new else "; the server that it would replace goes on"
            self.failures[name] = str(exc)
            logger.error("%s%s", exc, goes_on, extra={"fields": {"server": name}})
        else:
            self.failures.pop(name, None)
            logger.info("server %s", "added" if is_new else "replaced", extra={"fields": {"server": name}})


def stamps(paths: Iterable[Path]) -> Mapping[Path, object]:
    """Returns for each path what differs after it was written or replaced; None for one that is not there."""
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
