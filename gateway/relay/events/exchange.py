"""Change events of servers, told to the other processes of a deployment, and heard from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import NamedTuple, Protocol

from gateway.relay.events.messages import Event, decoded, encoded

WINDOW = 0.05
"""Seconds in which equal events become one, before they are sent and after they have come."""

RETRY = 0.5
"""Seconds after which events that could not be sent are sent again."""

MAX_EVENTS = 200
"""Different events in one window. For more, the other processes are told that anything may have changed."""

Heard = Callable[[str, str], None]


class Unsent(Exception):
    """The way to the other processes is closed at the moment."""


class Way(Protocol):
    """Brings messages to the other processes."""

    def opened(
        self, received: Callable[[bytes], None], missed: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        """Calls `received` with each message, perhaps also with the own ones.

        `missed` is called when messages of others may have been lost.
        """
        ...

    async def send(self, data: bytes) -> None:
        """Raises Unsent."""
        ...


class _Listener(NamedTuple):
    server: str
    heard: Heard
    missed: Callable[[], None]


class EventExchange:
    """The exchange of `process`, this one."""

    def __init__(self, process: str, way: Way) -> None:
        self._process = process
        self._way = way
        self._listeners: dict[object, _Listener] = {}
        self._outgoing: dict[Event, None] = {}
        self._is_incomplete = False
        self._has_news = asyncio.Event()
        self._incoming: dict[Event, None] = {}
        self._has_missed = False
        self._delivery: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Entered before the servers, and left after them."""
        async with self._way.opened(self._received, self._missed):
            sending = asyncio.create_task(self._keep_sending())
            try:
                yield
            finally:
                sending.cancel()
                if self._delivery is not None:
                    self._delivery.cancel()
                if self._has_news.is_set():
                    await self._send()

    def tell(self, server: str, method: str, uri: str) -> None:
        """Tells the other processes soon. What has come from them, and waits to be told here, is known now."""
        event = Event(server, method, uri)
        self._incoming.pop(event, None)
        if event.is_sendable:
            self._put(event)

    @contextmanager
    def hear(self, server: str, heard: Heard, missed: Callable[[], None]) -> Iterator[None]:
        token = object()
        self._listeners[token] = _Listener(server, heard, missed)
        try:
            yield
        finally:
            del self._listeners[token]

    def _put(self, event: Event) -> None:
        if event in self._outgoing or len(self._outgoing) < MAX_EVENTS:
            self._outgoing[event] = None
        else:
            self._is_incomplete = True
        self._has_news.set()

    async def _keep_sending(self) -> None:
        while True:
            await self._has_news.wait()
            await asyncio.sleep(WINDOW)
            if not await self._send():
                await asyncio.sleep(RETRY)

    async def _send(self) -> bool:
        """Returns False if the events could not be sent; they are kept, as far as there is room."""
        events, self._outgoing = self._outgoing, {}
        missed, self._is_incomplete = self._is_incomplete, False
        self._has_news.clear()
        try:
            for data in encoded(self._process, events, missed=missed):
                await self._way.send(data)
        except Unsent:
            for event in events:
                self._put(event)
            self._is_incomplete |= missed
            self._has_news.set()
            return False
        return True

    def _received(self, data: bytes) -> None:
        message = decoded(data)
        if message is None or message.process == self._process:
            return
        servers = {listener.server for listener in self._listeners.values()}
        for event in message.events:
            if event.server in servers and len(self._incoming) < MAX_EVENTS:
                self._incoming[event] = None
            elif event.server in servers and event not in self._incoming:
                self._has_missed = True
        self._has_missed |= message.missed
        self._deliver_soon()

    def _missed(self) -> None:
        self._has_missed = True
        self._deliver_soon()

    def _deliver_soon(self) -> None:
        if self._delivery is None:
            self._delivery = asyncio.get_running_loop().call_later(WINDOW, self._deliver)

    def _deliver(self) -> None:
        self._delivery = None
        events, self._incoming = self._incoming, {}
        has_missed, self._has_missed = self._has_missed, False
        for listener in [*self._listeners.values()]:
            if has_missed:
                listener.missed()
            for event in events:
                if event.server == listener.server:
                    listener.heard(event.method, event.uri)
