"""uvicorn's WebSocket protocol, made fit for clients that mean harm and for an end that finishes what is in flight.

What a connection can make this process hold is bounded here as far as the application cannot see it; when a connection
is to be closed at the end of the process, the application decides.
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

SLICE = 16 * 1024
"""Bytes that are taken apart at once: of the smallest frames, some thousands."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A connection that is to be closed is gone `close_timeout` seconds later, whatever its client does."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.close_timeout = 5.0
        self.conn.debug = False  # it would write headers and frames into the log, credentials among them
        self._unread = bytearray()
        self._abort: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unread.clear()
        if self._abort is not None:
            self._abort.cancel()

    def shutdown(self) -> None:
        """Leave it to the application, which is told too: uvicorn would cut off the calls in flight."""
        if self.close_sent:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is None:  # else it has been told to close, and is read to its end
            self._unread += data
            self._read()

    def _read(self) -> None:
        """Take apart what came, until there is a message: further ones wait as bytes, which are smaller."""
        while self._unread and not self.read_paused and not self.transport.is_closing():
            piece = bytes(self._unread[:SLICE])
            del self._unread[:SLICE]
            super().data_received(piece)

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        self._read()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._read()  # the client's own close may be among what came
        elif message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # refused, and answered: else uvicorn would log it as an error

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._abort_soon()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            FRAME_LIMIT.set(cast("Scope", self.scope), self._set_frame_limit)

    def _set_frame_limit(self, size: int) -> None:
        self.conn.max_message_size = min(size, self.config.ws_max_size)

    def handle_cont(self, event: Frame) -> None:
        """One buffer for all fragments: as a list, those of a byte would take fifty times their size."""
        frames: list[Any] = self.frames
        if not isinstance(frames[0], bytearray):
            frames[0] = bytearray(frames[0])
        frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """A text that is no UTF-8 is the client's fault, and no traceback in the log."""
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
        """Pongs that the client does not take are not kept for it."""
        pongs = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(pongs))

    def handle_parser_exception(self) -> None:
        """Say what is wrong, and read on until the client has heard it: closed on data that is not read yet, the
        connection would be reset, and the close code lost."""
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
        """A client that reads nothing would keep its connection, and what is still to be written to it."""
        if not self.disconnected and self._abort is None:
            self._abort = self.loop.call_later(self.close_timeout, self.transport.abort)
