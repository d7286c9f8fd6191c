"""The cookie of a login."""

from __future__ import annotations

import re

from starlette.types import Scope

from gateway.console.logins import LIFETIME

SECURE_NAME = "__Host-multi-mcp-console"
LOCAL_NAME = "multi-mcp-console"
"""On loopback, where there is no HTTPS, browsers take no cookie that is `Secure`, and none with the prefix."""

_NAMES = (SECURE_NAME.encode(), LOCAL_NAME.encode())
_LOCAL_HOST = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def take_cookie(scope: Scope) -> str | None:
    """Removes the cookie from a request and returns its value. Nothing further in gets to see it."""
    for key, value in scope["headers"]:
        if key == b"cookie" and _NAMES[1] in value:
            return _take(scope)
    return None


def _take(scope: Scope) -> str | None:
    headers, found = [], None
    for key, value in scope["headers"]:
        if key != b"cookie":
            headers.append((key, value))
            continue
        pairs = [each.strip() for each in value.split(b";")]
        for name, _, text in (each.partition(b"=") for each in pairs):
            found = text.decode("latin-1") if name in _NAMES else found
        if kept := [each for each in pairs if each.partition(b"=")[0] not in _NAMES]:
            headers.append((key, b"; ".join(kept)))
    scope["headers"] = headers
    return found


def has_local_host(scope: Scope) -> bool:
    """Returns True if the request names this machine, by one of the names that stand for loopback."""
    hosts = [value for key, value in scope["headers"] if key == b"host"]
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None


def cookie(scope: Scope, login: str) -> dict[str, str]:
    """Returns the header that gives a browser the cookie. An empty `login` takes it away."""
    name, secure = (LOCAL_NAME, "") if has_local_host(scope) else (SECURE_NAME, "; Secure")
    age = LIFETIME if login else 0
    return {"Set-Cookie": f"{name}={login}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}"}
