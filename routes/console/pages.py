"""The pages of the console: static files that say nothing of what is served. Their scripts read the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response

from routes.pages.pages import HEADERS, KINDS, Static

FOLDER = Path(__file__).parent / "static"
ROOT = "/console"
PAGES: Mapping[str, str] = {
    "calls": "Live calls",
    "call": "One call",
    "tools": "Tools",
    "try": "Try a tool",
    "servers": "Servers",
    "sessions": "Sessions and sockets",
    "refusals": "Refusals",
    "settings": "Settings",
}
"""The title of each page, by the name of its script. Live calls are at `/console` itself."""

_POLICY = "Content-Security-Policy"
_MEDIA = {_POLICY: HEADERS[_POLICY].replace("img-src 'self'", "img-src 'self' blob:; media-src blob:")}
"""Results have images and sounds, which the page of a tool makes blobs of."""

_CALL = re.compile(rf"{ROOT}/calls/[^/]+")


class ConsolePages:
    def __init__(self) -> None:
        page = (FOLDER / "console.html").read_text()
        self._pages = {
            (name, up): Static(_filled(page, name, title, up), "text/html", **_MEDIA)
            for name, title in PAGES.items()
            for up in ("", "../", "../../")
        }
        parts = [path for path in FOLDER.iterdir() if path.suffix in KINDS]
        self._parts = {f"{ROOT}/{path.name}": Static(path.read_bytes(), KINDS[path.suffix]) for path in parts}

    def answer(self, path: str, headers: Headers) -> Response | None:
        """Returns the answer to a `GET`; None if the path is that of no page and no part of one."""
        if (part := self._parts.get(path)) is not None:
            return part.answer(headers)
        if (found := _name(path)) is None:
            return None
        up = "../" * (path.count("/") - 1)
        return self._pages[found, up].answer(headers)


def _name(path: str) -> str | None:
    if path in (ROOT, ROOT + "/"):
        return "calls"
    if _CALL.fullmatch(path):
        return "call"
    name = path.removeprefix(ROOT + "/")
    return name if name in PAGES and name not in ("calls", "call") else None


def _filled(page: str, name: str, title: str, up: str) -> bytes:
    return page.replace("{up}", up).replace("{name}", name).replace("{title}", title).encode()
