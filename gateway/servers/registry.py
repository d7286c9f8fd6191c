"""The servers by name, opened and closed together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from gateway.caller import caller
from gateway.errors import StartError, UnknownServer
from gateway.server import Server

logger = logging.getLogger(__name__)


class Registry:
    """Servers in the order given."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = {server.name: server for server in servers}

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    def __getitem__(self, name: str) -> Server:
        server = self._servers.get(name)
        if server is None:
            raise UnknownServer(name, self.names_used())
        return server

    def names(self) -> Sequence[str]:
        return list(self._servers)

    def names_used(self) -> Sequence[str]:
        """Of those servers that the caller may use anything of."""
        asking = caller.get()
        return [server.name for server in self if asking.uses(server)]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open every server, each in its turn, and close them in the opposite order.

        Raises:
            StartError: a server did not open; those before it are closed again.
        """
        async with AsyncExitStack() as stack:
            failure = await self._open(stack)
            if failure is None:
                yield
        if failure is not None:  # out here: the tasks of those that were open would make a group of it
            raise failure

    async def _open(self, stack: AsyncExitStack) -> StartError | None:
        for server in self:
            lifetime = server.opened()
            try:
                await lifetime.__aenter__()
            except (Exception, SystemExit) as exc:  # the server's boundary: whatever it raises names it
                failure = StartError(f"server {server.name!r} does not start: {_reason(exc)}")
                failure.__cause__ = exc
                return failure
            logger.info("server opened", extra={"fields": {"server": server.name}})
            stack.push_async_callback(_close, server, lifetime)
        return None


async def _close(server: Server, lifetime: AbstractAsyncContextManager[None]) -> None:
    """One that fails to close does not keep those before it from closing as they should."""
    try:
        await lifetime.__aexit__(None, None, None)
    except (Exception, SystemExit) as exc:  # the server's own lifespan
        logger.error("server %r does not close: %s", server.name, _reason(exc), exc_info=exc)
    else:
        logger.info("server closed", extra={"fields": {"server": server.name}})


def _reason(exc: BaseException) -> str:
    """The first exception that is not a group, as a line."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}".splitlines()[0]
