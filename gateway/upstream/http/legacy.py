"""A link of the era of sessions: each caller has one, and answers and notifications may come as streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from itertools import count
from typing import Any

from gateway.upstream.calls.kept import KEPT
from gateway.upstream.calls.origins import askable, named
from gateway.upstream.http import handshake
from gateway.upstream.http.answers import Message, answer_of, status_failure
from gateway.upstream.http.client import Client
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import ConnectionLost, SessionLost
from gateway.upstream.http.handshake import Opened
from gateway.upstream.http.listening import keep_listening, tell_changes
from gateway.upstream.http.messages import BOTH_TYPES, Asking, cure_of, encoded
from gateway.upstream.http.resuming import ACCEPT, resumed
from gateway.upstream.http.sessions import Session, Sessions
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.http.told import Told
from gateway.upstream.link import LEGACY, NOBODY, Heard, Identity, LinkFailure, Origin, Params, Refusal, Report

FAREWELL = 1.0
"""Seconds in which the server takes what was sent last, and again those in which it is told that its sessions end."""

STREAM = 1.0
"""Seconds that the first call in a session waits for the session's own stream."""


class LegacyLink:
    """`identity` is what the server said of itself when a session was opened last."""

    def __init__(self, client: Client, heard: Heard, start_timeout: float) -> None:
        self.identity = Identity(LEGACY)
        self._client, self._heard = client, heard
        self._start_timeout = start_timeout
        self._numbers = count(1)
        self._reports: dict[int, Report] = {}
        self._tasks, self._posts = Tasks(), Tasks()
        self._sessions = Sessions(client, self._open_session, self._end_session, self._tasks)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Opens the link's own session, and begins to hear of changes. Raises LinkFailure."""
        own = self._sessions.enter("", self._client)
        await self._sessions.opened(own)
        self._tasks.start(self._sessions.close_idle())
        self._tasks.start(keep_listening(partial(self._listen, own), self._tell_changes))

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        capabilities = askable(origin.capabilities)
        client = self._client.for_caller(session)
        key = f"{client.owner}{session}{named(capabilities)}"
        held = self._sessions.enter(key, client, capabilities, session)
        tried: set[str] = set()
        try:
            while True:
                sent = await client.lines()
                try:
                    opened = held.opened or await self._sessions.opened(held)
                    if origin.ask is not None and not held.is_listening.is_set():
                        await self._with_stream(held)
                    answer = await self._asked(client, held, opened, Asking(method, params, report, origin, sent))
                    if method in KEPT:
                        held.kept.note(method, params)
                    return answer
                except (LinkFailure, Refusal) as exc:
                    cure = await cure_of(client, method, exc, sent)
                    if cure is None or cure in tried:
                        raise
                    tried.add(cure)
                    if cure == "session":
                        self._sessions.forget(held, opened)
        finally:
            self._sessions.leave(held)

    def leave(self, session: str) -> None:
        self._sessions.end(session)

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self._end("it was stopped")
        await self._posts.finish(FAREWELL)  # else a call could run on in a session that has ended
        await self._tasks.finish(0)
        await self._sessions.close(FAREWELL)
        self._client.close()

    async def _asked(self, client: Client, held: Session[Opened], opened: Opened, asking: Asking) -> dict[str, Any]:
        number, limit, told = next(self._numbers), client.limit, None
        exchange = client.post(BOTH_TYPES + opened.lines, encoded(asking.message(number), limit), own=asking.lines)
        events = Events(limit)

        async def hear(message: Message) -> None:
            nonlocal told  # most answers come alone
            told = told or self._told(client, opened, asking.origin, exchange.give_place_back)
            await told(message)

        held.callers.enter(number, asking.origin, exchange.give_place_back)
        if asking.report is not None:
            self._reports[number] = asking.report
        try:
            try:
                async with exchange as connection:
                    handshake.check_session(opened, connection)
                    return await answer_of(connection, number, hear, events)
            except ConnectionLost:
                if not events.last_id:
                    raise
                return await resumed(client, opened.lines, number, hear, events)
        except asyncio.CancelledError:
            if exchange.was_written:
                cancelled = {"requestId": number, "reason": "The caller left."}
                self._post_soon(client, opened, {"method": "notifications/cancelled", "params": cancelled})
            raise
        finally:
            self._reports.pop(number, None)
            held.callers.leave(number)
            if told is not None:
                told.close()

    def _told(self, client: Client, opened: Opened, origin: Origin, asked: Callable[[], None] = lambda: None) -> Told:
        """Returns what takes the messages of a stream in a session."""

        async def send(message: Params) -> None:
            self._post_soon(client, opened, message)

        return Told(origin, send, self._reports, self._heard, asked=asked)

    async def _with_stream(self, held: Session[Opened]) -> None:
        """Opens the session's own stream, on which some servers ask what they ask in mid-call."""
        if held.stream is None:
            held.stream = self._tasks.start(keep_listening(partial(self._listen, held), lambda: None))
            held.stream.add_done_callback(lambda _: held.is_listening.set())
        with suppress(TimeoutError):
            await asyncio.wait_for(held.is_listening.wait(), STREAM)
        held.is_listening.set()

    async def _listen(self, held: Session[Opened], is_open: Callable[[], None]) -> float | None:
        """Reads a session's own stream, on which the server tells what belongs to no request."""
        try:
            opened, events, client = await self._sessions.opened(held), Events(self._client.limit), held.client
            async with client.get(ACCEPT + opened.lines) as connection:
                handshake.check_session(opened, connection)
                if not connection.is_stream:
                    raise status_failure(connection) or LinkFailure("it answers with no stream", was_sent=True)
                is_open()
                held.is_listening.set()
                with closing(self._told(client, opened, Origin(ask=held.callers.ask))) as told:
                    told.hears_changes = held.stream is None  # the link's own session hears them for all
                    await answer_of(connection, 0, told, events)
        except SessionLost:
            self._sessions.forget(held, opened)
            raise
        except ConnectionLost:
            return events.retry
        return None

    async def _open_session(self, held: Session[Opened]) -> Opened:
        try:
            async with asyncio.timeout(self._start_timeout):
                number = next(self._numbers)
                opened, self.identity = await handshake.open_session(held.client, number, held.capabilities)
        except TimeoutError as exc:
            limit = f"it did not answer within {self._start_timeout:g} seconds"
            raise LinkFailure(limit, was_sent=False) from exc
        except Refusal as exc:
            self._end(f"it refuses a session: {exc.message}")
            raise LinkFailure(f"it refuses a session: {exc.message}", was_sent=False) from exc

        async def send(method: str, params: Params) -> None:
            await self._asked(held.client, held, opened, Asking(method, params))

        await held.kept.repeat(send, self._heard)
        return opened

    async def _end_session(self, client: Client, opened: Opened) -> None:
        await self._posts.settle(FAREWELL)  # it may not know the call that a late message cancels
        await handshake.end_session(client, opened)

    def _post_soon(self, client: Client, opened: Opened, message: Mapping[str, Any]) -> None:
        """Sends a message beside the requests, never behind one."""
        self._posts.start_if_possible(handshake.post(client, opened, message))

    def _tell_changes(self) -> None:
        tell_changes(self.identity.capabilities, self._heard)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
