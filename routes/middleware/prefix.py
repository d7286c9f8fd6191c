"""The prefix under which a proxy serves the router, so that every link contains it."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.address import Networks, is_within
from routes.middleware.address import connection_address
from routes.scope import peer_of, root_path_of

MAX_PREFIX_LENGTH = 256
_PREFIX = re.compile(rb"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
"""A path of unreserved characters (RFC 3986, 2.3), without `.` and `..`, which would lead elsewhere."""


class Prefix:
    """Adds the prefix to the path and to `root_path`, as the proxy has removed it from the path.

    `fixed` is the prefix of every request. Without it, `X-Forwarded-Prefix` counts if a `trusted` proxy sends it, once
    and in a valid form; any other is ignored.
    """

    def __init__(self, app: ASGIApp, trusted: Networks, fixed: str) -> None:
        self.app = app
        self._fixed = fixed
        self._trusted = trusted
        self._trusts = lru_cache(maxsize=1024)(self._is_trusted)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan":
            prefix = self._fixed or self._forwarded(scope)
            if prefix:
                scope["root_path"] = prefix + root_path_of(scope)
                scope["path"] = prefix + scope["path"]
                raw = scope.get("raw_path")
                scope["raw_path"] = raw and prefix.encode() + raw
        return self.app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> str:
        found = [value for key, value in scope["headers"] if key == b"x-forwarded-prefix"]
        if len(found) != 1 or len(found[0]) > MAX_PREFIX_LENGTH or not _PREFIX.fullmatch(found[0]):
            return ""
        prefix: bytes = found[0]
        return prefix.decode() if self._trusts(peer_of(scope)) else ""

    def _is_trusted(self, peer: str) -> bool:
        address = connection_address(peer)
        return address is not None and is_within(address, self._trusted)
