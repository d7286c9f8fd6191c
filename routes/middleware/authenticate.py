"""Asks who is calling, before anything else does: by `Authorization: Bearer …` or `X-API-Key: …`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.principal import enter
from gateway.caller import Caller, caller
from gateway.errors import GatewayError, InvalidRequest, Unauthenticated
from gateway.telemetry.refusals import Refused
from routes.errors import answer, of_refusal
from routes.middleware.credentials import taken
from routes.middleware.metadata import WELL_KNOWN
from routes.router import route_path
from routes.websocket.identity import PROOF

_ERRORS: Mapping[str, str] = {"unauthenticated": "invalid_token", "invalid-request": "invalid_request"}
_HEALTH = re.compile(r"(/[^/]+/mcp)?/health")


class Authenticator(Protocol):
    def stranger(self, address: str) -> Caller: ...
    def known(self, credential: str, address: str) -> Caller | None: ...
    async def authenticate(self, credential: str, address: str) -> Caller: ...


class Challenges(Protocol):
    """Knows where the metadata is of what a request is for."""

    def url_for(self, scope: Scope) -> str: ...


class Authenticate:
    """Health, the metadata and `open_paths` are open to strangers, and so is a WebSocket, which asks by itself.

    What follows sees who is asking, and no credential.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        metadata: Challenges,
        refused: Refused,
        open_paths: Collection[str] = (),
    ) -> None:
        self.app = app
        self._authenticator = authenticator
        self._metadata = metadata
        self._refused = refused
        self._open_paths = frozenset(open_paths)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        credentials = taken(scope)
        if credentials and scope["type"] == "websocket":
            scope[PROOF] = self._proof(credentials[0])
        if len(credentials) == 1:
            known = self._authenticator.known(credentials[0], caller.get().address)
            if known is not None:
                return self._let_in(known, scope, receive, send)
        return self._ask(credentials, scope, receive, send)

    def _proof(self, credential: str) -> Callable[[], Awaitable[Caller]]:
        """Asks again later, for a connection that lives long. A function, in which nobody sees the credential."""
        address = caller.get().address

        async def prove() -> Caller:
            return await self._authenticator.authenticate(credential, address)

        return prove

    async def _ask(self, credentials: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        address = caller.get().address
        try:
            who = await self._who(credentials, address)
        except GatewayError as exc:
            if not self._is_open(scope, credentials):
                self._refused(exc.slug)
                await self._refusal(exc, bool(credentials), scope)(scope, receive, send)
                return
            who = self._authenticator.stranger(address)
        await self._let_in(who, scope, receive, send)

    async def _who(self, credentials: list[str], address: str) -> Caller:
        if not credentials:
            raise Unauthenticated("Say who you are, by `Authorization: Bearer …` or by `X-API-Key: …`.")
        if len(credentials) > 1:
            raise InvalidRequest("Several credentials came at once; send one.")
        return await self._authenticator.authenticate(credentials[0], address)

    def _let_in(self, who: Caller, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if who.user is not None:
            scope["user"] = who.user
        scope["metadata"] = self._metadata  # for a refusal further in
        enter(who)
        return self.app(scope, receive, send)

    def _is_open(self, scope: Scope, credentials: list[str]) -> bool:
        """To strangers. On an open path a credential that is wrong makes one of its caller: a probe with a key that
        was revoked still learns that the router is up."""
        if scope["type"] == "websocket":
            return not credentials
        path = route_path(scope)
        is_metadata = path == WELL_KNOWN or path.startswith(WELL_KNOWN + "/")
        return is_metadata or path in self._open_paths or _HEALTH.fullmatch(path) is not None

    def _refusal(self, exc: GatewayError, had_credentials: bool, scope: Scope) -> ASGIApp:
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            return _close
        headers = {} if exc.retry_after is None else {"Retry-After": str(exc.retry_after)}
        error = _ERRORS.get(exc.slug)
        if error is not None:
            said = f'error="{error}", error_description="{exc}", ' if had_credentials else ""
            headers["WWW-Authenticate"] = f'Bearer {said}resource_metadata="{self._metadata.url_for(scope)}"'
        return answer(of_refusal(exc, None), headers)


async def _close(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})
