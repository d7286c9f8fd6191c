"""One access token for an upstream: got once for all who wait for it, and again shortly before it expires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from gateway.upstream.link import LinkFailure

logger = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds for all requests to an authorization server that one token takes."""

FAILURE_KEPT = 5.0
"""Seconds in which a failure is not tried again, and in which a token that is refused is renewed once."""

MARGIN = 30.0
"""Seconds before its end at which a token is renewed; one that is short is renewed at half of its time."""


class NoToken(LinkFailure):
    """No token was got, so nothing was sent to the upstream.

    The caller `is_refused` if the authorization server gives no token for it.
    """

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(f"auth: {reason}", was_sent=False)
        self.reason = reason
        self.is_refused = is_refused


class Grant(NamedTuple):
    """An access token, and the seconds for which it is valid."""

    token: str
    seconds: float

    def __repr__(self) -> str:
        return "Grant(…)"


Fetch = Callable[[], Awaitable[Grant]]
"""Gets a token. Raises LinkFailure."""


class SharedToken:
    """A token for all requests that may use it."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._line = b""
        self._renew_at = self._ends_at = 0.0
        self._renewed_at = -FAILURE_KEPT
        self._failure: NoToken | None = None
        self._failed_until = 0.0
        self._getting: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        return bool(self._line) and self._now() < self._renew_at

    @property
    def is_over(self) -> bool:
        """True if nothing of it is of use any more, nor awaited."""
        is_settled = self._getting is None or self._getting.done()
        return is_settled and self._now() >= max(self._ends_at, self._failed_until)

    async def line(self, fetch: Fetch) -> bytes:
        """Returns the line of a request's head. A caller who is cancelled leaves the getting to the others.

        Raises:
            NoToken: there is none. The reason is the same for a while.
        """
        if self.is_fresh:
            return self._line
        if self._failure is None or self._now() >= self._failed_until:
            if self._getting is None or self._getting.done():
                self._getting = asyncio.get_running_loop().create_task(self._get(fetch))
            await asyncio.wait((self._getting,))
        if self._line and self._now() < self._ends_at:  # also an old one, if no new one was got
            return self._line
        failure = self._failure or NoToken("it was stopped")
        raise NoToken(failure.reason, is_refused=failure.is_refused)

    def renew(self, refused: bytes) -> None:
        """Forgets the token if it is among the lines that were `refused`, but not twice within a few seconds."""
        if self._line and self._line in refused and self._now() >= self._renewed_at + FAILURE_KEPT:
            self._renewed_at = self._now()
            self._line = b""

    def close(self) -> None:
        if self._getting is not None:
            self._getting.cancel()

    async def _get(self, fetch: Fetch) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                grant = await fetch()
        except TimeoutError:
            self._fail(NoToken(f"no token within {PATIENCE:g} seconds"))
        except NoToken as exc:
            self._fail(exc)
        except LinkFailure as exc:
            self._fail(NoToken(str(exc)))
        except Exception as exc:  # the answers may be anything
            logger.exception("no token for an upstream server could be got")
            self._fail(NoToken(f"the answers are not understood ({type(exc).__name__})"))
        else:
            now = self._now()
            self._failure = None
            self._ends_at = now + max(grant.seconds, 1.0)
            self._renew_at = now + max(grant.seconds - MARGIN, grant.seconds / 2, 1.0)
            self._line = b"authorization: Bearer %b\r\n" % grant.token.encode("ascii")

    def _fail(self, failure: NoToken) -> None:
        logger.log(logging.WARNING if failure.is_refused else logging.DEBUG, "no token for an upstream: %s", failure)
        self._failure = failure
        self._failed_until = self._now() + FAILURE_KEPT


class Credential:
    """The token of one caller's requests, or of all. `owner` tells callers apart; it is "" if all share it."""

    def __init__(self, token: SharedToken, fetch: Fetch, owner: str = "") -> None:
        self.owner = owner
        self._token = token
        self._fetch = fetch

    async def line(self) -> bytes:
        """Returns the line of a request's head. Raises NoToken, or a GatewayError that is the caller's."""
        return await self._token.line(self._fetch)

    def renew(self, refused: bytes) -> None:
        """Makes the next line a new one, if the last one is among those that were `refused`."""
        self._token.renew(refused)
