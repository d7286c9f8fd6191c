"""A link over the transport of 2024: each caller has a session, which is a stream of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from gateway.upstream.calls.kept import KEPT
from gateway.upstream.calls.origins import askable
from gateway.upstream.http import handshake
from gateway.upstream.http.client import Client
from gateway.upstream.http.listening import keep_listening, tell_changes
from gateway.upstream.http.messages import Asking, cure_of
from gateway.upstream.http.sessions import Session, SessionLimits, Sessions
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.link import LEGACY, NOBODY, Heard, Identity, LinkFailure, Origin, Params, Refusal, Report
from gateway.upstream.sse.stream import Stream

SESSIONS = SessionLimits()
FAREWELL = 1.0
"""Seconds in which the server takes what was sent last."""

BATCH = 0.25
"""Seconds in which the same notification on several streams becomes one."""

MAX_NEWS = 1000
"""Different notifications that wait. Further ones are dropped."""


class SseLink:
    """`identity` is what the server said of itself when a session was opened last."""

    def __init__(self, client: Client, heard: Heard, start_timeout: float, limits: SessionLimits = SESSIONS) -> None:
        self.identity = Identity(LEGACY)
        self._client, self._heard = client, heard
        self._start_timeout = start_timeout
        self._numbers = count(1)
        self._news: set[tuple[str, str]] = set()
        self._tasks, self._posts = Tasks(), Tasks()
        self._sessions = Sessions(client, self._open_stream, self._end_stream, self._tasks, limits)
        self._own = self._sessions.enter("", client)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Opens the link's own session, and keeps it open to hear of changes. Raises LinkFailure."""
        await self._stream(self._own)
        self._tasks.start(self._sessions.close_idle())
        self._tasks.start(keep_listening(self._listen, self._tell_changes))

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        capabilities = askable(origin.capabilities)
        client = self._client.for_caller(session)
        key = f"{client.owner}{session}"
        held = self._sessions.enter(f"{key} {capabilities}" if capabilities else key, client, capabilities, session)
        tried: set[str] = set()
        try:
            while True:
                sent = await client.lines()
                try:
                    stream = await self._stream(held)
                    asking = Asking(method, params, report, origin)
                    answer = await stream.request(client, next(self._numbers), asking)
                    if method in KEPT:
                        held.kept.note(method, params)
                    return answer
                except (LinkFailure, Refusal) as exc:
                    cure = await cure_of(client, method, exc, sent)
                    if cure is None or cure in tried:
                        raise
                    tried.add(cure)
                    if cure == "session":
                        self._sessions.forget(held, stream)
                        stream.leave()
        finally:
            self._sessions.leave(held)

    def leave(self, session: str) -> None:
        self._sessions.end(session)

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self._end("it was stopped")
        await self._posts.finish(FAREWELL)
        await self._tasks.finish(0)
        await self._sessions.close(0)
        self._client.close()

    async def _stream(self, held: Session[Stream]) -> Stream:
        """Returns the stream of a session, another one if that has ended since its last request."""
        stream = await self._sessions.opened(held)
        if stream.over:
            self._sessions.forget(held, stream)
            stream = await self._sessions.opened(held)
        stream.client = held.client
        return stream

    async def _open_stream(self, held: Session[Stream]) -> Stream:
        try:
            stream = await handshake.renewing(held.client, lambda: self._opened(held))
        except Refusal as exc:
            self._end(f"it refuses a session: {exc.message}")
            raise LinkFailure(f"it refuses a session: {exc.message}", was_sent=False) from exc

        async def send(method: str, params: Params) -> None:
            await stream.request(held.client, next(self._numbers), Asking(method, params))

        try:
            await held.kept.repeat(send, self._hear)
        except BaseException:  # whatever it is, the stream is not used
            stream.close()
            raise
        return stream

    async def _opened(self, held: Session[Stream]) -> Stream:
        """Returns a new stream, in which we are introduced."""
        stream = Stream(held.client, self._hear, self._tasks, self._posts)
        try:
            async with asyncio.timeout(self._start_timeout):
                self.identity = await stream.open(next(self._numbers), held.capabilities)
        except TimeoutError as exc:
            what = "did not answer" if stream.id else "sent no endpoint"
            raise LinkFailure(f"it {what} within {self._start_timeout:g} seconds", was_sent=False) from exc
        return stream

    async def _end_stream(self, client: Client, stream: Stream) -> None:
        await self._posts.settle(FAREWELL)
        stream.close()

    async def _listen(self, is_open: Callable[[], None]) -> None:
        """Waits until the stream of the link's own session ends, which is opened first if it is not open."""
        try:
            stream = await self._stream(self._own)
        except LinkFailure as exc:  # whatever its status is: it is tried again for as long as the link lives
            raise LinkFailure(str(exc), was_sent=False) from exc
        is_open()
        await stream.ended()

    def _hear(self, method: str, params: Params) -> None:
        """Takes a notification, which a server may send on each stream. They become one."""
        news = (method, str(params.get("uri", "")))
        if news not in self._news and len(self._news) < MAX_NEWS:
            self._news.add(news)
            asyncio.get_running_loop().call_later(BATCH, self._tell, news, params)

    def _tell(self, news: tuple[str, str], params: Params) -> None:
        self._news.discard(news)
        if not self._ended.done():
            self._heard(news[0], params)

    def _tell_changes(self) -> None:
        tell_changes(self.identity.capabilities, self._heard)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
