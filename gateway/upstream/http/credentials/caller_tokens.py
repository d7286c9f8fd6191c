"""Tokens for an upstream in the name of its callers (RFC 8693), one for each of their own access tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from gateway.caller import Subject, caller, subject
from gateway.errors import NoAccessToken
from gateway.upstream.http.credentials.token import Credential, Grant, NoToken, SharedToken

MAX_TOKENS = 1000
"""Callers' tokens that are kept. Of more, those that were used last."""


class CallerTokens:
    """`exchange` gets a token for the access token of a caller."""

    def __init__(self, exchange: Callable[[str], Awaitable[Grant]]) -> None:
        self._exchange = exchange
        self._tokens: OrderedDict[bytes, SharedToken] = OrderedDict()

    def of_caller(self) -> Credential:
        """Returns the credential of the current caller. Raises NoAccessToken if it has no access token."""
        held = subject.get()
        if held is None or held.token is None:
            raise NoAccessToken
        found = self._tokens.get(held.digest)
        if found is None:
            self._make_room()
            found = self._tokens[held.digest] = SharedToken()
        self._tokens.move_to_end(held.digest)
        return _OfCaller(found, held, self._exchange)

    def close(self) -> None:
        for token in self._tokens.values():
            token.close()

    def _make_room(self) -> None:
        if len(self._tokens) < MAX_TOKENS:
            return
        for digest in [digest for digest, token in self._tokens.items() if token.is_over]:
            del self._tokens[digest]
        while len(self._tokens) >= MAX_TOKENS:
            self._tokens.popitem(last=False)


class _OfCaller(Credential):
    """Is kept by streams that outlive the request of its caller: then the token that was got serves to its end."""

    def __init__(self, token: SharedToken, held: Subject, exchange: Callable[[str], Awaitable[Grant]]) -> None:
        super().__init__(token, partial(_exchanged, held, exchange), f"{caller.get().key} ")
        self._held = held

    async def line(self) -> bytes:
        if self._held.token is None and not self._token.is_fresh:
            raise NoToken("the caller is gone whose token it is")
        try:
            return await super().line()
        except NoToken as exc:
            if exc.is_refused:
                raise NoAccessToken("The caller's access token does not give access to this server.") from exc
            raise


async def _exchanged(held: Subject, exchange: Callable[[str], Awaitable[Grant]]) -> Grant:
    if held.token is None:
        raise NoToken("the caller is gone whose token it is")
    return await exchange(held.token)
