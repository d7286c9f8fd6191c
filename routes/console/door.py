"""The way to `/console`: its pages are open, its data is not, and no page of another origin gets past."""

from __future__ import annotations

from collections.abc import Awaitable
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.console.logins import Logins
from gateway.errors import GatewayError
from gateway.telemetry.refusals import Refusals
from routes.console.cookie import cookie, has_local_host, take_cookie
from routes.console.pages import ROOT, ConsolePages
from routes.errors import problem, retry_after
from routes.router import route_path
from routes.scope import LOGIN, OUTLIVES, peer_of

_OF_PROXIES = ("forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip")
_FORWARDED = "x-forwarded-"
ELSEWHERE = "Pages of other origins cannot use the console."
NOT_NEAR = (
    "Without authentication the console is for this machine alone, and for no proxy. "
    "MCP_AUTH_KEYS or MCP_AUTH_ISSUER opens it to others."
)


class Door:
    """Stands in front of authentication. A cookie becomes the credential that it stands for under `/console` alone;
    on every other URL it is taken away and counts for nothing.

    Without `logins` there is no authentication, and only this machine may use the console: the connection, the Host and
    the headers must say so. `is_proxied` is True if proxies are configured, which could stand between.
    """

    def __init__(self, app: ASGIApp, logins: Logins | None, is_proxied: bool, refused: Refusals) -> None:
        self.app = app
        self._logins = logins
        self._is_proxied = is_proxied
        self._refused = refused
        self._pages = ConsolePages()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        login = take_cookie(scope) if self._logins is not None else None
        if ROOT not in scope["path"]:  # found without the prefix of a proxy, which costs each call
            return self.app(scope, receive, send)
        path = route_path(scope)
        if scope["type"] == "http" and (path == ROOT or path.startswith(ROOT + "/")):
            return self._enter(path, login, scope, receive, send)
        return self.app(scope, receive, send)

    async def _enter(self, path: str, login: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(path, login, scope)
        if answer is None and self._logins is not None:
            try:
                answer = await self._with_login(self._logins, path, login, scope)
            except GatewayError as exc:
                answer = problem(exc.slug, str(exc), retry_after(exc))
        if answer is not None:
            await answer(scope, receive, send)
            return
        OUTLIVES.set(scope, True)
        await self.app(scope, receive, send)

    def _answer(self, path: str, login: str | None, scope: Scope) -> Response | None:
        """Returns a refusal or a page; None if the request is one for data that may come in."""
        headers = Headers(scope=scope)
        if self._logins is None and not _is_near(scope, headers, self._is_proxied):
            return self._refusal("forbidden", NOT_NEAR, scope)
        is_read = scope["method"] in ("GET", "HEAD")
        if is_read and (page := self._pages.answer(path, headers)) is not None:
            return page
        if not _is_own(headers, is_read, login is not None):
            return self._refusal("forbidden-origin", ELSEWHERE, scope)
        return None

    async def _with_login(self, logins: Logins, path: str, login: str | None, scope: Scope) -> Response | None:
        """Puts the credential of a login into the request; answers the end of a login."""
        given = _credential(scope)
        if path == f"{ROOT}/logout" and scope["method"] == "POST":
            await logins.end(login or "")
            return Response(status_code=204, headers=cookie(scope, ""))
        if path == f"{ROOT}/login":
            LOGIN.set(scope, lambda: given)
        elif given == "" and login and (credential := await logins.credential(login)) is not None:
            scope["headers"] = [*scope["headers"], (b"authorization", b"Bearer " + credential.encode("latin-1"))]
        return None

    def _refusal(self, slug: str, detail: str, scope: Scope) -> Response:
        self._refused(slug, peer_of(scope))
        return problem(slug, detail)


def _credential(scope: Scope) -> str:
    """Returns the credential in the headers; an empty text if there is none."""
    for key, value in scope["headers"]:
        if key == b"authorization":
            return str(value.decode("latin-1")).partition(" ")[2].strip()
        if key == b"x-api-key":
            return str(value.decode("latin-1")).strip()
    return ""


def _is_own(headers: Headers, is_read: bool, has_cookie: bool) -> bool:
    """Returns True for a request of a page of the router itself, or of no page.

    Cookies go to every port of a host, so that `SameSite` alone is not enough. Browsers send one of the two headers
    with each request that changes something; other clients have no cookie.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin" or (is_read and site == "none")
    if origin is not None:
        return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
    return is_read or not has_cookie


def _is_near(scope: Scope, headers: Headers, is_proxied: bool) -> bool:
    """Returns True if the client is on this machine, and nothing tells of a proxy in between."""
    if is_proxied or scope.get("http_version") == "1.0" or not has_local_host(scope):
        return False
    if any(name in _OF_PROXIES or name.startswith(_FORWARDED) for name in headers):
        return False
    try:
        return ip_address(peer_of(scope).partition("%")[0]).is_loopback
    except ValueError:  # a Unix socket, or an unknown address
        return False
