"""One open way to an upstream server, whichever transport it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from mcp_types import CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY

from gateway.upstream.starts import Starts
from gateway.upstream.states import State

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
LOGGED = "notifications/message"
LISTEN = "subscriptions/listen"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
"""The first notification on the stream of a request of `LISTEN`."""

Params = Mapping[str, Any]
_NO_CAPABILITIES: Params = {}

Report = Callable[[Params], Awaitable[None]]
"""Takes the parameters of each progress notification of one request, and of the acknowledgement of a stream."""

Heard = Callable[[str, Params], None]
"""Takes the method and the parameters of each other notification."""

Ask = Callable[[str, Params], Awaitable[dict[str, Any]]]
"""Asks the client of one request for something: a method and its parameters. Raises Refusal."""


class LinkFailure(Exception):
    """No answer came. `str()` is the reason, for the log and for `/health`.

    `was_sent` is False only if the upstream has surely not executed the request. `retry_after` is what the upstream
    asked for, in seconds. `is_over` is True if the link had ended before, so that the request belongs on the next one.
    `is_fault` is True if the way to the server, or the form of its answer, was at fault, and not the request.
    """

    is_refused = False
    """True if no connection can be opened: nothing listens."""

    def __init__(
        self,
        reason: str,
        *,
        was_sent: bool,
        retry_after: int | None = None,
        is_over: bool = False,
        is_fault: bool | None = None,
    ) -> None:
        super().__init__(reason)
        self.was_sent = was_sent
        self.retry_after = retry_after
        self.is_over = is_over
        self.is_fault = was_sent if is_fault is None else is_fault


class Refusal(Exception):
    """The JSON-RPC error that the upstream answered with."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass(frozen=True, slots=True)
class Identity:
    """The words of an upstream server about itself at the opening. `version` is the revision that is spoken.

    `has_sessions` is True if it may remember in a session what was done before.
    """

    version: str
    capabilities: Params = field(default_factory=dict)
    server_info: Params = field(default_factory=dict)
    instructions: str | None = None
    has_sessions: bool = False

    @property
    def is_modern(self) -> bool:
        return self.version >= MODERN


class Origin(NamedTuple):
    """The client that a request comes from, as the upstream may know it.

    `capabilities` are those that the client declares, as far as the router can pass on what they are for. `ask` is None
    if it cannot be asked in mid-call. It `has_session` if all requests of its session are its own. `log` takes the log
    messages of the request, of which it wants those from `log_level` on; none if that is empty.
    """

    capabilities: Params = _NO_CAPABILITIES
    ask: Ask | None = None
    log: Report | None = None
    log_level: str = ""
    has_session: bool = False

    @property
    def meta(self) -> dict[str, Any]:
        """The fields of a request's `_meta` that say so in the stateless era."""
        level = {LOG_LEVEL_META_KEY: self.log_level} if self.log_level else {}
        return {CLIENT_CAPABILITIES_META_KEY: self.capabilities, **level}


NOBODY = Origin()
"""The origin of the router's own requests."""


class Link(Protocol):
    """A failure of one request leaves the others and the link as they are, unless `ended` returns."""

    @property
    def identity(self) -> Identity: ...

    async def request(
        self, method: str, params: Params, report: Report | None = None, *, session: str = "", origin: Origin = NOBODY
    ) -> dict[str, Any]:
        """Returns the result. A request that is cancelled is cancelled upstream.

        What the upstream asks and logs meanwhile goes to `origin`. Links that have sessions use one for each `session`;
        the others have one for all.

        Raises:
            LinkFailure, Refusal
        """
        ...

    def leave(self, session: str) -> None:
        """Ends what is kept for a session, which is over: at once, or after its last request in flight."""

    async def ended(self) -> str:
        """Waits until the link can take no more requests, and returns the reason."""
        ...

    async def close(self) -> None:
        """Ends the link and everything it started. May be called at any time, and again."""
        ...


class Opening(Protocol):
    """Opens the links to one server, one after the other."""

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure."""
        ...

    def close(self) -> None:
        """Ends what the links shared. Called once, when the last one is closed."""
        ...


class Keeper(Protocol):
    """Keeps the way to a server open. `starts` counts what was opened, and `report` goes into its health.

    `reason` is why the server fails, `last_reason` why it failed last. `in_use` counts requests, each of which ends
    with `leave`.
    """

    in_use: int

    @property
    def state(self) -> State: ...

    @property
    def reason(self) -> str: ...

    @property
    def last_reason(self) -> str: ...

    @property
    def starts(self) -> int: ...

    @property
    def report(self) -> Mapping[str, Any]: ...

    @property
    def links(self) -> Sequence[Link]:
        """The links that are open: one for each instance of the server."""
        ...

    async def link(self, after: Link | None = None) -> Link:
        """Returns the link for a request, and not `after` again, which has ended.

        Raises:
            Unavailable: there is none now.
        """
        ...

    def leave(self) -> None: ...

    def end(self) -> None:
        """Refuses the link from now on: nobody runs this any more."""
        ...

    async def run(self, starts: Starts) -> None:
        """Runs until it is cancelled. Then nothing of the server is left."""
        ...
