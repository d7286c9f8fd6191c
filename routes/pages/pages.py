"""The pages at `/`, `/{server}` and `/docs`: one file for all, which its script fills in.

The file says nothing of what is served. Its script reads that from the URLs that every client uses, and asks for a key
if they answer 401: so the page can be open, and a name in it cannot become markup.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from gateway.naming import RESERVED
from routes.json_api.tools import is_known
from routes.router import both, route_path

FOLDER = Path(__file__).parent / "static"
DOCS = "/docs"
KINDS: Mapping[str, str] = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_UP = b"{up}"
"""Stands in the page in front of each link. Links are relative, so they are right behind any prefix."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_QUALITY = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


class Static:
    """A file that is read once."""

    def __init__(self, body: bytes, kind: str, **headers: str) -> None:
        self._body = body
        self._kind = kind
        self._etag = f'"{sha256(body).hexdigest()[:32]}"'
        self._headers = {**HEADERS, **headers, "ETag": self._etag}

    def answer(self, headers: Headers) -> Response:
        if is_known(headers, self._etag):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, 200, self._headers, self._kind)

    def missing(self) -> Response:
        """Returns the file with the status 404."""
        return Response(self._body, 404, self._headers, self._kind)

    async def get(self, request: Request) -> Response:
        return self.answer(request.headers)


class Pages:
    """`taken` are URLs of features, which are no page."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        page = (FOLDER / "page.html").read_bytes()
        self._pages = {up: Static(page.replace(_UP, up), "text/html", Vary="Accept") for up in (b"", b"../")}
        parts = [path for path in FOLDER.iterdir() if path.suffix in KINDS]
        self._parts = {f"{DOCS}/{path.name}": Static(path.read_bytes(), KINDS[path.suffix]) for path in parts}
        self._taken = frozenset(taken)
        self._more: dict[str, Static] = {}

    def add(self, url: str, page: Static) -> None:
        """Adds the page of a feature, for browsers that open the feature's URL."""
        self._more[url] = page

    def add_part(self, url: str, part: Static) -> None:
        """Adds a file of such a page."""
        self._parts[url] = part

    def routes(self) -> list[BaseRoute]:
        """Returns the routes of `/docs` and of the files of the page."""
        return [*both(DOCS, self.get), *(Route(url, part.get) for url, part in self._parts.items())]

    async def get(self, request: Request) -> Response:
        return self.page(request.scope).answer(request.headers)

    def page(self, scope: Scope) -> Static:
        """Returns the page, whose links depend on a slash at the end of its URL."""
        return self._pages[b"../" if len(path := route_path(scope)) > 1 and path.endswith("/") else b""]

    def open_to_all(self, scope: Scope) -> Response | None:
        """Returns the answer to a request that needs no credential; None if it needs one.

        A browser gets the page for the name of any server, as its answer must not tell if there is one.
        """
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        path, headers = route_path(scope), Headers(scope=scope)
        if path in self._parts:
            return self._parts[path].answer(headers)
        if path in self._more:
            return self._more[path].answer(headers) if prefers_html(headers) else None
        is_page = path in ("/", DOCS, DOCS + "/") or can_be_server(path[1:].removesuffix("/"))
        if not is_page or path in self._taken or not prefers_html(headers):
            return None
        return self.page(scope).answer(headers)


def can_be_server(name: str) -> bool:
    """Returns True if a server may have this name."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED


def prefers_html(headers: Headers) -> bool:
    """Returns True if the client names HTML and does not prefer JSON. Browsers do; `*/*` names nothing."""
    ranges: dict[str, float] = {}
    for each in ",".join(headers.getlist("accept")).lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        found = [match for parameter in parameters if (match := _QUALITY.fullmatch(parameter)) is not None]
        ranges[kind] = float(found[0][1]) if found else 1.0
    html, json = ranges.get("text/html", 0.0), ranges.get("application/json")
    return html > json if json is not None else html > 0 and html >= ranges.get("*/*", 0.0)
