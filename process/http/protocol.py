"""The HTTP of our own server: deadlines and bounds of what strangers can hold. Only `python app.py` uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from process.http.closing import ClosingProtocol
from process.http.connections import Connections, Upgraded
from process.http.framing import BODY, HEAD
from process.http.write_progress import WriteProgress

Refused = Callable[[str, str, str], None]
"""Logs a refusal: its slug, the client's address, and the reason if the slug does not say it."""


class HTTPProtocol(ClosingProtocol):
    """One connection. `connections` bounds all of them, and calls `check` once a second."""

    def __init__(self, connections: Connections, log: Refused, **keywords: Any) -> None:
        super().__init__(connections, **keywords)
        self._log = log
        self._held = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._progress = WriteProgress(transport)
        self._address = self.client[0] if self.client else ""
        if not self.bounds.add(self, self._address):
            if self.bounds.may_answer:
                self.refuse("unavailable", "The router has too many connections.")
            else:
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells all requests of the connection that the client has left. uvicorn tells the newest one."""
        self._leave()
        for cycle in [self.running, *(waiting for waiting, _ in self.pipeline)]:
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        super().connection_lost(exc)

    @property
    def is_busy(self) -> bool:
        if self.lingers:
            return False
        # While a body arrives, `cycle` is its own request, which may wait for an earlier one.
        return self.running not in (None, self.cycle) if self.stage == BODY else not self.is_answered

    def give_way(self) -> None:
        self._leave()
        self.transport.abort()

    def check(self) -> None:
        """Ends what has exceeded its deadline."""
        if self._progress.stalled_for(self.bounds.now) > self.bounds.limits.write_timeout:
            self.refused("write-timeout", "")
            self.transport.abort()
        elif self.lingers:
            self.check_lingering()
        elif self.flow.read_paused:
            self.since = self.bounds.now
        elif not (self.is_deaf or self.transport.is_closing()):
            self._check_reading(self.bounds.now - self.since)

    def _check_reading(self, waited: float) -> None:
        limits = self.bounds.limits
        if self.stage == HEAD:
            if waited > limits.head_timeout:
                self.refuse("request-timeout", "The head of the request did not arrive in time.")
        elif self.stage == BODY:
            if waited > limits.body_timeout:
                self.refuse("request-timeout", "The body of the request did not arrive in time.")
        elif self.is_answered and waited > (limits.head_timeout if self.cycle is None else limits.keep_alive):
            self.transport.close()

    def partly_received(self, size: int) -> None:
        """Counts the bytes of requests that have begun to arrive, and moves their deadline."""
        begins = not self.is_partial
        super().partly_received(size)
        if self.is_deaf:
            return
        # A new connection has one deadline from its beginning, in which silence counts too.
        if self.stage == BODY or (begins and self.cycle is not None):
            self.since = self.bounds.now
        self._held += size
        if not self.bounds.hold(self, size):
            self.refuse("unavailable", "The bodies of requests that are arriving are too large together.")

    def completed(self) -> None:
        super().completed()
        self._release()

    def refused(self, slug: str, reason: str) -> None:
        self._release()
        self._log(slug, self._address, reason)

    def linger(self) -> None:
        self._release()
        super().linger()

    def handle_websocket_upgrade(self) -> None:
        self._release()
        self.bounds.replace(self, Upgraded(self.transport, self.bounds))
        super().handle_websocket_upgrade()
        self.let_go()
        self.parser = None  # type: ignore[assignment]  # it refers to this object

    def _release(self) -> None:
        if self._held:
            self.bounds.release(self, self._held)
            self._held = 0

    def _leave(self) -> None:
        self._release()
        self.bounds.remove(self)
        self.let_go()
