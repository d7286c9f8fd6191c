"""The sessions that one link has at its server: one for each key, opened at its first request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from gateway.cancellation import was_requested
from gateway.upstream.calls.callers import Callers
from gateway.upstream.calls.kept import Kept
from gateway.upstream.http.client import Client
from gateway.upstream.http.failures import no_session
from gateway.upstream.http.tasks import Tasks
from gateway.upstream.link import NOBODY, LinkFailure, Params


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The number of sessions, and the seconds after its last request at which one is closed."""

    number: int = 1000
    idle: float = 300.0


class OpenSession(Protocol):
    """A session that is open. Its `id` is empty if the server has no sessions; `lines` name it in a request's head."""

    @property
    def id(self) -> str: ...

    @property
    def lines(self) -> bytes: ...


Open = TypeVar("Open", bound=OpenSession)


@dataclass(eq=False, slots=True)
class Session(Generic[Open]):
    """`in_use` counts its requests. `capabilities` are those of the client whose session it is, `kept` its wishes.
    `of` names the session of that client, which has ended if it `is_over`.

    `client` sends what belongs to none of its requests. `callers` are its calls in flight. `stream` reads its own
    stream, if it has one; `is_listening` is set when that is open, or when nobody waits for that any more.
    """

    client: Client
    capabilities: Params
    key: str = ""
    of: str = ""
    is_over: bool = False
    callers: Callers = field(default_factory=Callers)
    kept: Kept = field(default_factory=Kept)
    stream: asyncio.Task[None] | None = None
    is_listening: asyncio.Event = field(default_factory=asyncio.Event)
    in_use: int = 0
    used_at: float = 0.0
    opening: asyncio.Task[Open] | None = None
    _known: tuple[asyncio.Task[Open], Open] | None = None

    @property
    def is_idle(self) -> bool:
        return not self.in_use and (self.opening is None or self.opening.done())

    @property
    def opened(self) -> Open | None:
        task, known = self.opening, self._known
        if known is not None and known[0] is task:
            return known[1]
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        self._known = (task, task.result())
        return task.result()


class Sessions(Generic[Open]):
    """Sessions by key. The one of the key "" is that of the link itself, and is never closed before it.

    `end_session` tells the server that a session is over, in a task of its own.
    """

    def __init__(
        self,
        client: Client,
        open_session: Callable[[Session[Open]], Coroutine[Any, Any, Open]],
        end_session: Callable[[Client, Open], Coroutine[Any, Any, None]],
        tasks: Tasks,
        limits: SessionLimits = SessionLimits(),
    ) -> None:
        self._open = open_session
        self._end = end_session
        self._tasks = tasks
        self._farewells, self._is_closed = Tasks(), False
        self._limits = limits
        self._now = asyncio.get_running_loop().time
        self._sessions: dict[str, Session[Open]] = {"": Session(client, {})}

    def enter(
        self, key: str, client: Client, capabilities: Params = NOBODY.capabilities, of: str = ""
    ) -> Session[Open]:
        """Returns the session of a key, which is not closed until `leave`. A new one has `capabilities`, and is `of`
        the session of a client.

        `client` must be one of the caller whose session it is.

        Raises:
            LinkFailure: there are as many as there may be, and each has a request.
        """
        own = self._sessions[""].opened
        if own is not None and not own.id:  # the server has no sessions
            key = ""
        session = self._sessions.get(key)
        if session is None:
            if len(self._sessions) >= self._limits.number:
                self._evict()
            session = self._sessions[key] = Session(client, capabilities, key, of)
        if key:
            session.client = client
        session.in_use += 1
        return session

    def leave(self, session: Session[Open]) -> None:
        session.in_use -= 1
        session.used_at = self._now()
        if session.is_over and not session.in_use:
            self._drop(session)

    def end(self, of: str) -> None:
        """Closes the sessions that are those of a client's, which is over; one with requests after the last of them."""
        for session in [one for one in self._sessions.values() if one.key and one.of == of]:
            session.is_over = True
            if not session.in_use:
                self._drop(session)

    async def opened(self, session: Session[Open]) -> Open:
        """Opens the session if it is not open. A caller who is cancelled leaves that to the others.

        Raises:
            LinkFailure
        """
        if (known := session.opened) is not None:
            return known
        if session.opening is None or session.opening.done():
            session.opening = self._tasks.start(self._open(session))
        opening = session.opening
        try:
            return await asyncio.shield(opening)
        except LinkFailure as exc:
            self.forget(session, opening)
            raise no_session(exc) from exc
        except asyncio.CancelledError as exc:
            if opening.cancelled() and not was_requested(exc):
                raise LinkFailure("it was stopped", was_sent=False, is_over=True) from exc
            raise

    def forget(self, session: Session[Open], lost: asyncio.Task[Open] | Open) -> None:
        """Opens the session anew at its next request, unless somebody has done so already."""
        if session.opening is lost or session.opened is lost:
            session.opening = None

    async def close_idle(self) -> None:
        """Closes sessions without requests, until it is cancelled."""
        while True:
            await asyncio.sleep(self._limits.idle / 10)
            limit = self._now() - self._limits.idle
            for key, session in tuple(self._sessions.items()):
                if key and session.is_idle and session.used_at < limit:
                    self._drop(session)

    async def close(self, seconds: float) -> None:
        """Closes all sessions. The server has so many seconds to be told of it."""
        self._is_closed = True
        for session in self._sessions.values():
            self._part(session)
        await self._farewells.finish(seconds)

    def _evict(self) -> None:
        """Closes the session that has been without a request for the longest time."""
        idle = [session for key, session in self._sessions.items() if key and session.is_idle]
        if not idle:
            raise LinkFailure(f"all {self._limits.number} sessions are in use", was_sent=False)
        self._drop(min(idle, key=lambda session: session.used_at))

    def _drop(self, session: Session[Open]) -> None:
        if not self._is_closed and self._sessions.pop(session.key, None) is not None:
            self._part(session)

    def _part(self, session: Session[Open]) -> None:
        if session.stream is not None:
            session.stream.cancel()
        if session.opening is not None:
            self._farewells.start_if_possible(self._farewell(session, session.opening))

    async def _farewell(self, session: Session[Open], opening: asyncio.Task[Open]) -> None:
        await asyncio.wait((opening,))  # nobody else closes a session whose caller left while it was opened
        opened = session.opened
        if opened is not None and opened.id:
            await self._end(session.client, opened)
