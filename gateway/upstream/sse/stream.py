"""One session of the transport of 2024: a stream of events, and POSTs whose answers come on that stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.upstream.calls.waiting import Waiting
from gateway.upstream.http import handshake
from gateway.upstream.http.address import Address
from gateway.upstream.http.answers import Message, answer_of, parsed, status_failure
from gateway.upstream.http.client import Client
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.events import Event, Events
from gateway.upstream.http.failures import ConnectionLost
from gateway.upstream.http.messages import BOTH_TYPES, Asking, encoded
from gateway.upstream.http.resuming import ACCEPT
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.link import Heard, Identity, LinkFailure, Params
from gateway.upstream.sse.calls import Call, Calls
from gateway.upstream.sse.endpoint import endpoint_of

LINGER = 1.0
"""Seconds in which the server may still answer a POST whose result has come on the stream."""


class Stream:
    """`client` sends what belongs to none of its requests: the GET, and messages that nobody waits for.

    `id` is what names the session: the target of its endpoint, which is a secret. It is empty until that is known.

    `over` is the reason why the stream has ended; empty until then. `tasks` hold what it does, and `posts` its messages
    that nobody waits for.
    """

    lines = b""

    def __init__(self, client: Client, heard: Heard, tasks: Tasks, posts: Tasks) -> None:
        self.client = client
        self.id = ""
        self.over = ""
        self._tasks, self._posts = tasks, posts
        self._loop = asyncio.get_running_loop()
        self._calls = Calls(self._send_soon, heard)
        self._endpoint: asyncio.Future[Address] = self._loop.create_future()
        self._reading: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._is_left = False

    async def open(self, number: int, capabilities: Params) -> Identity:
        """Opens the session of a client with these capabilities.

        Raises:
            LinkFailure, and Refusal if the server refuses `initialize`.
        """
        self._reading = self._tasks.start(self._read())
        self._reading.add_done_callback(self._has_ended)
        try:
            endpoint = await self._endpoint
            asking = Asking("initialize", handshake.introduction(capabilities))
            found = handshake.introduced(await self.request(self.client, number, asking))
            identity = replace(found, has_sessions=True)
            await handshake.send(self.client.at(endpoint), self, handshake.INITIALIZED)
        except BaseException:  # whatever it is, the stream is not used
            self.close()
            raise
        return identity

    async def request(self, client: Client, number: int, asking: Asking) -> dict[str, Any]:
        """Returns the result. `client` must be one of the caller whose session it is.

        Raises:
            LinkFailure, Refusal, or GatewayError if the caller has no credential for the server.
        """
        body = encoded(asking.message(number), client.limit)
        if self.over:
            raise LinkFailure(self.over, was_sent=False)
        exchange = client.at(self._endpoint.result()).post(BOTH_TYPES, body)
        call = self._calls[number] = Call(Waiting(asking.report, "", asking.origin, self._reply), exchange)
        posting = self._tasks.start(self._post(number, call))
        posting.add_done_callback(call.posted)
        try:
            await call.waiting.tell()
            return await call.waiting.answer
        except asyncio.CancelledError:
            posting.cancel()
            if exchange.was_written and asking.method != "initialize":
                cancelled = {"requestId": number, "reason": "The caller left."}
                self._send_soon({"method": "notifications/cancelled", "params": cancelled})
            raise
        finally:
            self._leave(number, posting)

    async def ended(self) -> None:
        """Waits until no more can come on the stream."""
        await asyncio.shield(self._ended)

    def leave(self) -> None:
        """Ends the stream after its last request."""
        self._is_left = True
        if not self._calls:
            self.close()

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def _leave(self, number: int, posting: asyncio.Task[None]) -> None:
        """Notes that a request is over."""
        call = self._calls.pop(number)
        call.waiting.questions.close()
        if not call.exchange.was_written:
            posting.cancel()
        elif not posting.done():
            call.exchange.give_place_back()
            self._loop.call_later(LINGER, posting.cancel)
        if self._is_left:
            self.leave()

    async def _post(self, number: int, call: Call) -> None:
        """Sends a request. Some servers have the result in the answer to it."""
        async with call.exchange as connection:
            handshake.check_session(self, connection)
            if connection.is_stream:
                await self._take_all(connection)
            elif connection.status >= 300:
                await answer_of(connection, number, _ignore, Events(self.client.limit))
            elif (message := parsed(connection.body)) is not None:
                self._calls.take(message)

    async def _read(self) -> None:
        """Reads the stream to its end."""
        async with self.client.get(ACCEPT) as connection:
            if not connection.is_stream:
                raise status_failure(connection) or LinkFailure("it answers with no stream", was_sent=False)
            await self._take_all(connection)
        raise LinkFailure("it ended the stream", was_sent=False)

    async def _take_all(self, connection: Connection) -> None:
        """Takes each message of a stream. Raises LinkFailure."""
        events = Events(self.client.limit, too_long=self._calls.too_long)
        while chunk := await connection.read():
            for event in events.feed(chunk):
                self._take_event(event)

    def _take_event(self, event: Event) -> None:
        """Takes an event. Those of other types, before the endpoint, and those that are no messages are noise."""
        if event.type == b"endpoint" and not self._endpoint.done():
            address = endpoint_of(self.client.address, event.data)
            self.id = address.target
            self._endpoint.set_result(address)
        elif event.type == b"message" and self.id and (message := parsed(event.data)) is not None:
            self._calls.take(message)

    async def _reply(self, answer: Params) -> None:
        self._send_soon(answer)

    def _send_soon(self, message: Mapping[str, Any]) -> None:
        """Sends a message beside the requests, never behind one."""
        self._posts.start_if_possible(handshake.post(self.client.at(self._endpoint.result()), self, message))

    def _has_ended(self, reading: asyncio.Task[None]) -> None:
        """Notes the end of the stream: the requests in flight are never answered."""
        reason = None if reading.cancelled() else reading.exception()
        reason = reason or LinkFailure("it was stopped", was_sent=False)
        self.over = str(reason) if isinstance(reason, LinkFailure) else "its stream cannot be read"
        if not self._endpoint.done():
            self._endpoint.set_exception(reason)
            self._endpoint.exception()  # marks it as seen: nobody may wait for it any more
        self._calls.fail(ConnectionLost(self.over))
        if not self._ended.done():
            self._ended.set_result(None)


async def _ignore(message: Message) -> None:
    """Takes what comes beside an answer that is no stream: nothing."""
