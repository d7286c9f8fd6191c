"""Adds, changes and removes servers while the application runs."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import Protocol

import anyio

from gateway.errors import LoadError, StartError, Unavailable, UnknownServer
from gateway.server import Server
from gateway.servers.registry import Registry

logger = logging.getLogger(__name__)


class Source(Protocol):
    """The description of one server."""

    @property
    def version(self) -> object:
        """Equal for two descriptions of the same server."""
        ...

    def load(self) -> None:
        """Reads what the server is made of, in a thread. Raises LoadError."""
        ...

    def make(self) -> Server: ...

    async def change(self, server: Server, grace: float) -> bool:
        """Lets the server itself become the one described. Returns False if another one has to replace it.

        Its requests in flight have `grace` seconds to be answered as before.

        Raises:
            StartError: it cannot; it is as before.
        """
        ...

    async def ready(self, server: Server) -> None:
        """Waits until the server, which is open, can take the place of another. Raises StartError if it never will."""
        ...


class Changes:
    """Changes servers without losing a request: a server is changed or replaced when the new one can take requests.

    Requests in flight have `grace` seconds. `versions` are those of the descriptions that are served.
    """

    def __init__(self, registry: Registry, grace: float) -> None:
        self.versions: dict[str, object] = {}
        self._registry = registry
        self._grace = grace
        self._loading = anyio.Lock()

    async def put(self, name: str, source: Source) -> None:
        """Adds a server, or changes the one of that name. Other servers are not touched.

        May be cancelled; then the server is as before.

        Raises:
            LoadError, StartError: it is noted as stale, and one that is there already goes on.
        """
        is_new = name not in self._registry
        try:
            async with self._loading:  # it replaces modules of this process for a moment
                await anyio.to_thread.run_sync(source.load)
            await self._put(name, source)
        except (LoadError, StartError) as exc:
            self._registry.stale[name] = str(exc)
            raise
        self.versions[name] = source.version
        self._registry.stale.pop(name, None)
        logger.info("server %s", "added" if is_new else "changed", extra={"fields": {"server": name}})

    async def remove(self, name: str) -> None:
        """Removes a server after its requests in flight. It is unknown at once. Does nothing if it is unknown."""
        self.versions.pop(name, None)
        self._registry.stale.pop(name, None)
        logger.info("server removed", extra={"fields": {"server": name}})
        with suppress(UnknownServer):
            await self._registry.remove(name, self._grace)

    async def _put(self, name: str, source: Source) -> None:
        try:
            present = self._registry.get(name)
        except Unavailable:  # it has failed, and another one takes its place
            present = None
        if present is not None and await source.change(present, self._grace):
            return
        server = source.make()
        if name in self._registry:
            await self._registry.replace(server, self._grace, partial(source.ready, server))
        else:
            await self._registry.add(server)
