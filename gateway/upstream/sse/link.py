"""A link over the transport of 2024: each caller has a session, which is a stream of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from gateway.upstream.calls.origins import askable
from gateway.upstream.http.client import Client
from gateway.upstream.http.listening import keep_listening, tell_changes
from gateway.upstream.http.messages import cure_of
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

SUBSCRIBE, UNSUBSCRIBE = "resources/subscribe", "resources/unsubscribe"


class SseLink:
    """`identity` is what the server said of itself when a session was opened last."""

    def __init__(self, client: Client, heard: Heard, start_timeout: float, limits: SessionLimits = SESSIONS) -> None:
        self.identity = Identity(LEGACY)
        self._client, self._heard = client, heard
        self._start_timeout = start_timeout
        self._numbers = count(1)
        self._watched: dict[str, None] = {}
        self._news: set[tuple[str, str]] = set()
        self._tasks, self._posts = Tasks(), Tasks()
        self._sessions = Sessions(self._open_stream, self._end_stream, self._tasks, limits)
        self._own = self._sessions.enter("")
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Opens the link's own session, and keeps it open to hear of changes. Raises LinkFailure."""
        await self._stream(self._own)
        self._tasks.start(self._sessions.close_idle())
        self._tasks.start(keep_listening(self._listen, self._listens_again))

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        capabilities = askable(origin.capabilities)
        held = self._sessions.enter(f"{session} {capabilities}" if capabilities else session, capabilities)
        tried: set[str] = set()
        try:
            while True:
                sent = self._client.headers.lines()
                try:
                    stream = await self._stream(held)
                    answer = await stream.request(next(self._numbers), method, params, report, origin)
                    self._note_watched(held, method, params)
                    return answer
                except (LinkFailure, Refusal) as exc:
                    cure = cure_of(method, exc, self._client.headers, sent)
                    if cure is None or cure in tried:
                        raise
                    tried.add(cure)
                    if cure == "session":
                        self._sessions.forget(held, stream)
                        stream.leave()
        finally:
            self._sessions.leave(held)

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self._end("it was stopped")
        await self._posts.finish(FAREWELL)
        await self._tasks.finish(0)
        self._client.close()

    async def _stream(self, held: Session[Stream]) -> Stream:
        """Returns the stream of a session, another one if that has ended since its last request."""
        stream = await self._sessions.opened(held)
        if stream.over:
            self._sessions.forget(held, stream)
            stream = await self._sessions.opened(held)
        return stream

    async def _open_stream(self, capabilities: Params) -> Stream:
        stream = Stream(self._client, self._hear, self._tasks, self._posts)
        try:
            async with asyncio.timeout(self._start_timeout):
                self.identity = await stream.open(next(self._numbers), capabilities)
        except TimeoutError as exc:
            what = "did not answer" if stream.id else "sent no endpoint"
            raise LinkFailure(f"it {what} within {self._start_timeout:g} seconds", was_sent=False) from exc
        except Refusal as exc:
            self._end(f"it refuses a session: {exc.message}")
            raise LinkFailure(f"it refuses a session: {exc.message}", was_sent=False) from exc
        return stream

    async def _end_stream(self, stream: Stream) -> None:
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

    def _listens_again(self) -> None:
        """Tells that the lists may have changed, and watches the resources again: that ended with the session."""
        tell_changes(self.identity.capabilities, self._heard)
        self._tasks.start_if_possible(self._watch_again())

    async def _watch_again(self) -> None:
        for uri in [*self._watched]:
            with suppress(LinkFailure, Refusal):
                await self.request(SUBSCRIBE, {"uri": uri})
            self._heard("notifications/resources/updated", {"uri": uri})

    def _note_watched(self, held: Session[Stream], method: str, params: Params) -> None:
        if held is self._own and method == SUBSCRIBE:
            self._watched[str(params.get("uri"))] = None
        elif held is self._own and method == UNSUBSCRIBE:
            self._watched.pop(str(params.get("uri")), None)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
