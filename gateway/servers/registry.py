"""The servers there are now. Everything that needs a server asks here at each request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from gateway.caller import caller
from gateway.errors import LoadError, StartError, Unavailable, UnknownServer
from gateway.server import Server
from gateway.servers.held import HeldServer, Ready, State, at_once

Listener = Callable[[Server, bool], None]
"""Takes a server that came (True) or went (False)."""


class Registry:
    """Servers in the order in which they came. One that is not ready is known by its name but not listed.

    `revision` is another number after a server or a tool came or went. `stale` has the names of servers that are not as
    they are described now, and the reasons.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.stale: dict[str, str] = {}
        self._held: dict[str, HeldServer] = {}
        self._listeners: dict[object, Listener] = {}
        self._tasks: TaskGroup | None = None

    def __iter__(self) -> Iterator[Server]:
        return iter([held.server for held in self._held.values() if held.state == "ready"])

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def __getitem__(self, name: str) -> Server:
        """Raises UnknownServer, or Unavailable if the server is not ready."""
        server = self.get(name)
        if server is None:
            raise UnknownServer(name, self.names_used())
        return server

    def get(self, name: str) -> Server | None:
        """Returns None for an unknown name. Raises Unavailable if the server is not ready."""
        held = self.held(name)
        return None if held is None else held.server

    def held(self, name: str) -> HeldServer | None:
        """As `get`, for a request of which the server must wait until it has its answer."""
        held = self._held.get(name)
        if held is not None and held.state != "ready":
            raise Unavailable(f"Server {name!r} is not ready.")
        return held

    def states(self) -> dict[str, State]:
        """Returns the state of each server by its name."""
        return {name: held.state for name, held in self._held.items()}

    def all_held(self) -> Sequence[HeldServer]:
        return [*self._held.values()]

    def failed(self) -> Sequence[Server]:
        """Returns the servers that did not open, or that have ended by themselves."""
        return [held.server for held in self._held.values() if held.state == "failed"]

    def names_used(self) -> Sequence[str]:
        """Returns the names of the servers of which the caller may use anything."""
        asking = caller.get()
        return [server.name for server in self if asking.uses(server)]

    def used(self) -> Sequence[tuple[Server, State]]:
        """Returns the servers of which the caller may use anything, each with its state, also those not ready."""
        asking = caller.get()
        return [(held.server, held.state) for held in self._held.values() if asking.uses(held.server)]

    def changed(self) -> None:
        """Notes that a server or a tool came or went. Each server calls it when its tools change."""
        self.revision += 1

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` for each server that comes or goes until the returned function is called."""
        token = object()
        self._listeners[token] = listener

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    def hold(self, server: Server) -> None:
        """Adds a server that `opened` will open.

        Raises:
            LoadError: the name is taken.
        """
        # Ready at once: no request is accepted before all servers of the start are open.
        self._hold(server, "ready")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Opens every server, one after the other, and closes them in the opposite order.

        Raises:
            StartError: a server did not open; those before it are closed again.
        """
        failure: StartError | None = None
        async with anyio.create_task_group() as self._tasks:
            try:
                failure = await self._open_all()
                if failure is None:
                    yield
            finally:
                with anyio.CancelScope(shield=True):
                    for held in reversed([*self._held.values()]):
                        await held.close()
        if failure is not None:  # raised out here: the task group would wrap it in an exception group
            raise failure

    async def add(self, server: Server) -> None:
        """Opens `server` while the others go on. If it does not open, it is held as failed until it is removed.

        Raises:
            LoadError: the name is taken.
            StartError: the server did not open.
        """
        assert self._tasks is not None, "add() needs an open registry"
        held = self._hold(server, "starting")
        await self._tasks.start(held.run)
        if held.failure is not None:
            raise held.failure

    async def remove(self, name: str, grace: float) -> None:
        """Lets no further request reach the server, waits up to `grace` seconds for those in flight, and closes it.

        Raises:
            UnknownServer
        """
        held = self._held.pop(name, None)
        if held is None:
            raise UnknownServer(name, self.names_used())
        self.changed()
        if held.state == "ready":
            self._tell(held.server, False)
        await held.retire(grace)

    async def replace(self, server: Server, grace: float, ready: Ready = at_once) -> None:
        """Opens `server` beside the one of its name, which gets no further request from the time on that it is `ready`.

        The other is closed in the background, after up to `grace` seconds for its requests in flight.

        Raises:
            UnknownServer
            StartError: the server did not open, or `ready` raised it. The one of its name goes on.
        """
        assert self._tasks is not None
        before = self._held.get(server.name)
        if before is None:
            raise UnknownServer(server.name, self.names_used())

        def tell(opened: Server, came: bool) -> None:
            if came and self._held.get(server.name) is before:
                self._held[server.name] = held
                self.changed()
                if before.state == "ready":
                    self._tell(before.server, False)
            self._tell(opened, came)

        held = HeldServer(server, "starting", self.changed, tell, ready)
        await self._tasks.start(held.run)
        if held.failure is not None:
            raise held.failure
        if self._held.get(server.name) is not held:  # it was removed meanwhile
            await held.close()
            raise UnknownServer(server.name, self.names_used())
        self._tasks.start_soon(before.retire, grace)

    def _hold(self, server: Server, state: State) -> HeldServer:
        if server.name in self._held:
            raise LoadError(f"the name {server.name!r} is taken")
        held = self._held[server.name] = HeldServer(server, state, self.changed, self._tell)
        self.changed()
        return held

    async def _open_all(self) -> StartError | None:
        assert self._tasks is not None
        for held in [*self._held.values()]:
            await self._tasks.start(held.run)
            if held.failure is not None:
                return held.failure
        return None

    def _tell(self, server: Server, came: bool) -> None:
        for listener in [*self._listeners.values()]:
            listener(server, came)
