"""Failures of requests over HTTP, told apart by what may be done about them."""

from __future__ import annotations

from gateway.upstream.link import LinkFailure, Refusal

_WRONG_WAY = frozenset({404, 405, 421})
"""Statuses of refusals that no request of a client provokes: the server is not there."""


class ConnectionLost(LinkFailure):
    """The connection ended after the request had been written and before its answer was complete."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, was_sent=True)


class NotConnected(LinkFailure):
    """No connection was opened, so that nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, was_sent=False, is_fault=True)


class StatusFailure(LinkFailure):
    """The answer is an HTTP status that says why there is no other answer."""

    def __init__(self, status: int, reason: str, *, was_sent: bool, retry_after: int | None = None) -> None:
        is_fault = retry_after is None and (not 400 <= status < 500 or status in _WRONG_WAY)
        super().__init__(reason, was_sent=was_sent, retry_after=retry_after, is_fault=is_fault)
        self.status = status


class SessionLost(LinkFailure):
    """The server does not know the session any more, and has refused the request."""

    def __init__(self) -> None:
        super().__init__("it does not know the session", was_sent=False)


class StatusRefusal(Refusal):
    """The answer is a JSON-RPC error with a status that is no success."""

    def __init__(self, status: int, refusal: Refusal) -> None:
        super().__init__(refusal.code, refusal.message, refusal.data)
        self.status = status


def no_session(exc: LinkFailure) -> LinkFailure:
    """Returns the failure of a request whose session could not be opened because of `exc`."""
    reason = f"no session: {exc}"
    if isinstance(exc, StatusFailure):
        return StatusFailure(exc.status, reason, was_sent=False, retry_after=exc.retry_after)
    failure = LinkFailure(reason, was_sent=False, is_fault=exc.is_fault)
    failure.is_refused = exc.is_refused
    return failure
