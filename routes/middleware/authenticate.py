"""Authenticates each request by `Authorization: Bearer …` or `X-API-Key: …`, before anything else handles it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.authenticator import Authenticator
from gateway.auth.principal import set_caller
from gateway.caller import Caller, subject
from gateway.errors import GatewayError, InvalidRequest, Unauthenticated
from gateway.telemetry.refusals import Refused
from routes.errors import answer, of_refusal, retry_after
from routes.middleware.metadata import WELL_KNOWN_PATH
from routes.router import route_path
from routes.scope import METADATA, OUTLIVES, PROOF, Challenges

_BEARER_ERRORS: Mapping[str, str] = {"unauthenticated": "invalid_token", "invalid-request": "invalid_request"}
"""The `error` of a challenge (RFC 6750, 3.1), by slug."""
_SUBPROTOCOL = "bearer."
_HEALTH_PATH = re.compile(r"(/[^/]+/mcp)?/health/?")


class Authenticate:
    """Refuses requests without a valid credential, and hides the credential from everything behind it.

    Health, the OAuth metadata and `open_paths` need no credential. A WebSocket without one passes as anonymous,
    since it may authenticate in its first frame. `pages` returns the answer to a browser that opens a page: it is sent
    in place of a refusal, and nothing behind sees the request.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        metadata: Challenges,
        refused: Refused,
        *,
        pages: Callable[[Scope], ASGIApp | None] = lambda _: None,
        open_paths: Collection[str] = (),
    ) -> None:
        self.app = app
        self._authenticator = authenticator
        self._metadata = metadata
        self._refused = refused
        self._pages = pages
        self._open_paths = frozenset(open_paths)
        self._holds_tokens = authenticator.holds_tokens

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        credentials = take_credentials(scope)
        if credentials and (scope["type"] == "websocket" or OUTLIVES.name in scope):
            PROOF.set(scope, self._proof(credentials[0]))
        if len(credentials) == 1:
            found = self._authenticator.cached(credentials[0])
            if found is not None:
                return self._forward(found, scope, receive, send)
        return self._authenticate(credentials, scope, receive, send)

    def _proof(self, credential: str) -> Callable[[], Awaitable[Caller]]:
        """Returns a function that checks the credential again, for connections that outlive it."""

        # A closure and no partial: `repr(scope)` must not show the credential.
        async def prove() -> Caller:
            return await self._authenticator.authenticate(credential)

        return prove

    async def _authenticate(self, credentials: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = await self._caller(credentials)
        except GatewayError as exc:
            if not self._is_open(scope, credentials):
                if (page := self._pages(scope)) is not None:
                    await page(scope, receive, send)
                    return
                self._refused(exc.slug)
                await self._refusal(exc, bool(credentials), scope)(scope, receive, send)
                return
            found = self._authenticator.anonymous()
        await self._forward(found, scope, receive, send)

    async def _caller(self, credentials: list[str]) -> Caller:
        if not credentials:
            raise Unauthenticated("Send an API key or access token in Authorization: Bearer or X-API-Key.")
        if len(credentials) > 1:
            raise InvalidRequest("The request has several credentials; send one.")
        return await self._authenticator.authenticate(credentials[0])

    def _forward(self, who: Caller, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if who.user is not None:
            scope["user"] = who.user
        METADATA.set(scope, self._metadata)  # for the challenge of a 403 further in
        set_caller(who)
        answered = self.app(scope, receive, send)
        return _forgetting(answered) if self._holds_tokens else answered

    def _is_open(self, scope: Scope, credentials: list[str]) -> bool:
        """Tells if a request needs no valid credential."""
        if scope["type"] == "websocket":
            return not credentials
        # On open paths a bad credential counts as none: a probe with a revoked key still sees that the router is up.
        path = route_path(scope)
        is_metadata = path == WELL_KNOWN_PATH or path.startswith(WELL_KNOWN_PATH + "/")
        return is_metadata or path in self._open_paths or _HEALTH_PATH.fullmatch(path) is not None

    def _refusal(self, exc: GatewayError, had_credentials: bool, scope: Scope) -> ASGIApp:
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            return _close
        headers = retry_after(exc)
        error = _BEARER_ERRORS.get(exc.slug)
        if error is not None:
            # RFC 6750: without a credential in the request, the challenge must not carry an error.
            reason = f'error="{error}", error_description="{exc}", ' if had_credentials else ""
            headers["WWW-Authenticate"] = f'Bearer {reason}resource_metadata="{self._metadata.url_for(scope)}"'
        return answer(of_refusal(exc, None), headers)


async def _forgetting(answered: Awaitable[None]) -> None:
    """Forgets the caller's own access token when its request is answered, or its connection has ended."""
    try:
        await answered
    finally:
        if (held := subject.get()) is not None:
            held.token = None


async def _close(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})


def take_credentials(scope: Scope) -> list[str]:
    """Removes every credential from the scope and returns them in their order.

    Credentials are `Authorization: Bearer …`, `X-API-Key: …` and, on a WebSocket, as browsers cannot set headers there,
    the subprotocol `bearer.…`. `Authorization` of another scheme is removed too, but not returned.
    """
    found: list[str] = []
    remaining = []
    for pair in scope["headers"]:
        name, value = pair
        if name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme == b"Bearer" or scheme.lower() == b"bearer":
                found.append(rest.strip().decode("latin-1"))
        elif name == b"x-api-key":
            found.append(value.strip().decode("latin-1"))
        elif name == b"sec-websocket-protocol":
            offered = [item.strip() for item in value.decode("latin-1").split(",")]
            found += [item.removeprefix(_SUBPROTOCOL) for item in offered if item.startswith(_SUBPROTOCOL)]
            rest = ", ".join(_without_credentials(offered)).encode("latin-1")
            if rest:
                remaining.append((name, rest))
        else:
            remaining.append(pair)
    if len(remaining) != len(scope["headers"]) or found:
        scope["headers"] = remaining
    if "subprotocols" in scope:
        scope["subprotocols"] = _without_credentials(scope["subprotocols"])
    return found


def _without_credentials(subprotocols: list[str]) -> list[str]:
    return [item for item in subprotocols if not item.startswith(_SUBPROTOCOL)]
