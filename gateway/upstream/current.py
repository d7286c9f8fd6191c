"""The backend of an upstream server that takes its requests now, and its change for another one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from mcp.server.context import ServerRequestContext

from gateway.call import ToolCall
from gateway.cancellation import to_its_end
from gateway.errors import StartError, Unavailable
from gateway.upstream.backend import Backend
from gateway.upstream.config import Upstream
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.link import Identity, Link, LinkFailure, Params
from gateway.upstream.pins.checks import Checks
from gateway.upstream.pool import OWN
from gateway.upstream.starts import Starts
from gateway.upstream.telling import LISTS, TOOLS_CHANGED, Hooks
from gateway.upstream.tools import Tools, UpstreamTool

Context = ServerRequestContext[Any, Any]


class Current:
    """Holds the backend of one server. Only the present one reaches the hooks.

    One that is changed for another gets no further request, and ends when those in flight are answered.
    """

    def __init__(self, name: str, share: float, starts: Starts) -> None:
        self.backend: Backend
        self._hooks: Hooks
        self._name, self._share, self._starts = name, share, starts
        starts.expect(name)
        self._open: set[Backend] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._is_closed = False

    def describe(self, entry: Upstream, opening: AnyOpening, pins: Checks | None, hooks: Hooks) -> None:
        """Makes the first backend."""
        self._hooks = hooks
        self.backend = self._made(entry, opening, pins)

    @property
    def main(self) -> Current:
        return self

    @property
    def tools(self) -> Tools:
        return self.backend.tools

    @property
    def status(self) -> Mapping[str, Any]:
        return self.backend.status

    def chosen(self, call: ToolCall, ctx: Context) -> Context:
        """Returns `ctx`: none of the tools has versions here."""
        return ctx

    def begin(self) -> None:
        """Begins to open the first backend."""
        self._begin(self.backend)

    async def change(self, entry: Upstream, opening: AnyOpening, pins: Checks | None, grace: float) -> None:
        """Lets a backend of `entry` take the place of the present one, as soon as it can be used.

        One that cannot be used itself is changed at once. Its requests in flight have `grace` seconds to be answered.

        Raises:
            StartError: the new one does not open, and the present one goes on.
        """
        new = self._made(entry, opening, pins)
        async with self._changing:
            if self._is_closed:
                raise StartError(f"server {self._name!r} is closed")
            self._begin(new)
            try:
                if self.backend.serves:
                    await _ready(new)
            except BaseException:  # whatever it is, nothing of the new one may be left
                await to_its_end(self._close(new))
                raise
            before, self.backend = self.backend, new
        if new.identity is not None:
            self._hooks.opened(new.identity)
        self._hooks.changed()
        self._keep(self._drain(before, grace))
        self._keep(self._tell(before, new))

    async def ready(self) -> None:
        """Waits until the tools are known. Raises StartError if the server cannot be reached."""
        await _ready(self.backend)

    async def listed(self) -> Backend:
        """Returns the present backend when its tools were listed once. Raises Unavailable if that has failed."""
        while True:
            backend = self.backend
            try:
                await backend.listed()
            except Unavailable:
                if backend is self.backend:
                    raise
            if backend is self.backend:  # else another one has taken its place meanwhile
                return backend

    async def found(self, call: ToolCall) -> tuple[Backend, UpstreamTool | None]:
        """Returns the present backend, and its tool of a call; None if it is unknown.

        A call that came before the tools are known waits for them.

        Raises:
            Unavailable: they cannot be listed.
        """
        if call.entry is not None:  # perhaps of a backend that was replaced while the call waited for its turn
            return self.backend, self.backend.tools.plan(call.entry.name)
        was_listed = self.backend.is_listed
        backend = await self.listed()
        return backend, None if was_listed else backend.tools.find(call.tool)

    def leave(self, session: str) -> None:
        """Ends what is kept upstream for a session of a client, which is over."""
        for backend in self._open:
            backend.leave(session)

    async def close(self) -> None:
        """Ends everything."""
        self._is_closed = True
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*(self._close(backend) for backend in [*self._open]))
        while self._tasks:
            await asyncio.wait([*self._tasks])

    def _made(self, entry: Upstream, opening: AnyOpening, pins: Checks | None) -> Backend:
        hooks = self._hooks

        def opened(identity: Identity) -> None:
            if self.backend is made:
                hooks.opened(identity)

        async def repeat(link: Link, place: str) -> None:
            if self.backend is made:
                await hooks.repeat(link, place)

        async def told(method: str, params: Params, place: str) -> None:
            if self.backend is made:
                await hooks.told(method, params, place)

        def heard(method: str, params: Params) -> None:
            if self.backend is made:
                hooks.heard(method, params)

        own: Any = {"opened": opened, "repeat": repeat, "told": told, "heard": heard}
        made = Backend(self._name, entry, opening, pins=pins, share=self._share, **own)
        return made

    async def _tell(self, before: Backend, new: Backend) -> None:
        """Tells the clients what the change has changed, and the new backend what the clients wish."""
        if new.tools.listed() != before.tools.listed():
            await self._hooks.told(TOOLS_CHANGED, {}, OWN)
        for capability, method in LISTS.items():
            if before.promises(capability) or new.promises(capability):
                await self._hooks.told(method, {}, OWN)
        await self._hooks.move()
        for link in new.links(OWN) if self.backend is new else ():
            with suppress(LinkFailure):  # the link that replaces it is told
                await self._hooks.repeat(link, OWN)

    async def _drain(self, backend: Backend, grace: float) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace if backend.drain is None else backend.drain):
                    await backend.in_flight.drained()
        finally:
            await to_its_end(self._close(backend))

    def _begin(self, backend: Backend) -> None:
        self._open.add(backend)
        backend.begin(self._starts)

    async def _close(self, backend: Backend) -> None:
        await backend.close()
        self._open.discard(backend)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ready(backend: Backend) -> None:
    try:
        await backend.listed()
    except Unavailable as exc:
        raise StartError(str(backend.status.get("reason", exc))) from exc
