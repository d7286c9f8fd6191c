"""How a connection ends: with an answer that its client receives, also while it is still sending."""

from __future__ import annotations

import asyncio
from typing import Any

from process.http.answer import Outlet, problem_answer
from process.http.connections import Connections
from process.http.framing import BODY, IDLE, FramedProtocol

KEPT_BODY = 64 * 1024
"""Bytes. A request that is answered before such a body has arrived does not end its connection."""

DISCARDED_BODIES = 16
"""What is discarded at most, in bodies of the largest size."""


class _RequestTask(asyncio.Task[None]):
    """The task of one request. anyio formats it at the end of each native request, which is slow for other tasks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{self.get_name()}>"


class ClosingProtocol(FramedProtocol):
    """After its last answer, closes the side that writes, and discards what the client still sends.

    uvicorn closes at once. TCP resets a connection that is closed with unread data, and the client loses the answer.
    """

    def __init__(self, connections: Connections, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.bounds = connections
        self.since = connections.now
        """When the deadline that applies now began."""
        self.is_deaf = False
        """True if nothing more is parsed: what arrives is discarded."""
        self.lingers = False
        """True after the last answer."""
        self._lingers_since = 0.0
        self._discarded = 0
        self._last_words = b""  # a refusal that waits for the answers to the requests before it
        self._may_keep_alive = False  # if the body arrives before the answer begins

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.outlet: Any = Outlet(transport, self._finish)

    def data_received(self, data: bytes) -> None:
        if not self.is_deaf:
            super().data_received(data)
            return
        self.since = self.bounds.now
        self._discarded += len(data)
        if self._discarded > DISCARDED_BODIES * max(self.bounds.limits.max_body, KEPT_BODY):
            self.transport.abort()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.stage == BODY:
            self.cycle.transport = self.outlet

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.outlet.begin(cycle.scope["method"])
        task = _RequestTask(cycle.run_asgi(app), loop=self.loop)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def partly_received(self, size: int) -> None:
        super().partly_received(size)
        if self.stage == BODY and self.cycle.keep_alive and not (self.is_deaf or self.cycle.response_started):
            self._decide_keep_alive()

    def _decide_keep_alive(self) -> None:
        """Ends the connection with an answer that comes before a large body, instead of reading all of that.

        A client that expects 100 may or may not send its body after another answer, so nothing can follow it either.
        """
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if not lengths or int(lengths[0]) > KEPT_BODY or self.expect_100_continue:
            self.cycle.keep_alive = False
            self._may_keep_alive = True

    def completed(self) -> None:
        super().completed()
        if self._may_keep_alive:
            self._may_keep_alive = False
            self.cycle.keep_alive = not self.cycle.response_started

    def on_response_complete(self) -> None:
        """Begins the next request. uvicorn also sets a timer for each one."""
        self.server_state.total_requests += 1
        if self.lingers or self.transport.is_closing():
            return
        self.since = self.bounds.now
        self.flow.resume_reading()
        if self.pipeline:
            self.running, app = self.pipeline.pop()
            self._start_asgi_task(self.running, app)
            return
        self.running = None
        if self.is_deaf:
            self.transport.write(self._last_words)
            self.linger()

    def refuse(self, slug: str, detail: str, reason: str = "") -> None:
        if self.is_deaf:
            return
        self.is_deaf = True
        self.refused(slug, reason)
        words = problem_answer(slug, detail, self.server_state.default_headers)
        if self.stage == BODY and not self.pipeline:
            self._give_up_request(words)
        elif self.is_answered:
            self.transport.write(words)
            self.linger()
        else:
            self._last_words = words
            if self.stage == BODY:
                self.pipeline.popleft()

    def refused(self, slug: str, reason: str) -> None:
        """Called when a request is refused. `reason` has what the slug does not say."""

    def _give_up_request(self, words: bytes) -> None:
        """Ends the request whose body is arriving. Its application sees that the client has left."""
        cycle = self.cycle
        if cycle.response_started and not cycle.response_complete:
            self.transport.abort()
            return
        cycle.disconnected = True
        cycle.message_event.set()
        if not cycle.response_started:
            self.transport.write(words)
        self.linger()

    def _finish(self) -> None:
        if self.stage == IDLE and not self.pipeline and not self.is_deaf:
            self.transport.close()
        else:
            self.linger()

    def linger(self) -> None:
        """Closes the side that writes, and discards from now on."""
        if self.lingers or self.transport.is_closing():
            return
        self.is_deaf = self.lingers = True
        self.since = self._lingers_since = self.bounds.now
        self.pipeline.clear()
        self.flow.resume_reading()
        self.transport.write_eof()

    def check_lingering(self) -> None:
        """Ends the connection if it has been read for long enough after its answer was sent."""
        now, limits = self.bounds.now, self.bounds.limits
        if self.transport.get_write_buffer_size():
            self.since = self._lingers_since = now
        elif now - self.since > limits.linger_silence or now - self._lingers_since > limits.linger_time:
            self.transport.abort()

    def shutdown(self) -> None:
        self._may_keep_alive = False
        if not self.is_deaf:
            super().shutdown()

    def let_go(self) -> None:
        """Drops the reference cycle through the outlet, so that the memory is freed at once."""
        self.outlet.finish = self.transport.close
