"""uvicorn's WebSocket protocol with bounded memory for each connection, and a shutdown that the application controls.

Each override says what uvicorn does instead. They depend on its internals, so uvicorn is pinned to a minor version.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.types import Scope
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from routes.scope import FRAME_LIMIT

PARSED_AT_ONCE = 16 * 1024
"""Bytes that are parsed before the application reads again: at most some thousands of the smallest frames."""

WEBSOCKET_PING_INTERVAL = 20.0
"""Seconds between the pings of a WebSocket, and in which each must be answered."""

MIN_FRAME_LIMIT = 64 * 1024
"""Bytes. A WebSocket frame up to this size that is too large gets a problem document, and the connection stays open."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Aborts a connection `close_timeout` seconds after its close was sent, even if its client does not answer."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.close_timeout = 5.0
        self.conn.debug = False  # with LOG_LEVEL=debug it would log headers and frames, and with them credentials
        self._unread = bytearray()
        self._abort: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unread.clear()
        if self._abort is not None:
            self._abort.cancel()

    def shutdown(self) -> None:
        """Does nothing while the connection is open: the application closes it after the calls in flight.

        uvicorn closes every connection at once, with 1012.
        """
        if self.close_sent:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is None:  # after a protocol error everything further is discarded
            self._unread += data
            self._read()

    def _read(self) -> None:
        """Parses what was received until there is a message.

        uvicorn parses all of it. The rest waits as bytes here, because thousands of small parsed messages take many
        times the memory of their bytes.
        """
        while self._unread and not self.read_paused and not self.transport.is_closing():
            piece = bytes(self._unread[:PARSED_AT_ONCE])
            del self._unread[:PARSED_AT_ONCE]
            super().data_received(piece)

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        self._read()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._read()  # the client's close may be among the bytes that wait
        elif message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # answered by a refusal, which uvicorn would log as an error

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._abort_soon()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            FRAME_LIMIT.set(cast("Scope", self.scope), self._set_frame_limit)

    def _set_frame_limit(self, size: int) -> None:
        """Closes the connection with 1009 on a message of more than `size` bytes, before it is received."""
        self.conn.max_message_size = min(size, self.config.ws_max_size)

    def handle_cont(self, event: Frame) -> None:
        """Collects the fragments of a message in one buffer.

        uvicorn collects them in a list, in which fragments of one byte take fifty times their size.
        """
        frames: list[Any] = self.frames
        if not isinstance(frames[0], bytearray):
            frames[0] = bytearray(frames[0])
        frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Closes with 1007 on text that is not UTF-8. uvicorn also logs a traceback."""
        data, self.frames = self.frames[0], []
        if self.close_sent:
            return
        try:
            if self.curr_msg_data_type == "text":
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            else:
                self.queue.put_nowait({"type": "websocket.receive", "bytes": bytes(data)})
        except UnicodeDecodeError:
            self.conn.fail(CloseCode.INVALID_DATA, "not UTF-8")
            self.handle_parser_exception()
            return
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_ping(self) -> None:
        """Drops the pong if the client does not read. uvicorn buffers every pong for it, without a bound."""
        pongs = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(pongs))

    def handle_parser_exception(self) -> None:
        """Sends the close code and reads on until the client has closed.

        uvicorn closes at once. TCP resets a connection that is closed with unread data, and the client loses the code.
        """
        if self.close_sent:
            return
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.close_sent = True
        self._unread.clear()
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._abort_soon()

    def _abort_soon(self) -> None:
        # `transport.close()` waits until everything is written, which is never if the client does not read.
        if not self.disconnected and self._abort is None:
            self._abort = self.loop.call_later(self.close_timeout, self.transport.abort)


def websocket_options(is_on: bool, max_body: int) -> dict[str, Any]:
    """Returns uvicorn's options. Frames are not compressed, which would cost each connection memory and time."""
    if not is_on:
        return {"ws": "none"}
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": max(4 * max_body, MIN_FRAME_LIMIT),
        "ws_ping_interval": WEBSOCKET_PING_INTERVAL,
        "ws_ping_timeout": WEBSOCKET_PING_INTERVAL,
        "ws_per_message_deflate": False,
    }
