"""The credentials that a request came with. They are taken from it: nothing behind may see or pass them on."""

from __future__ import annotations

from starlette.types import Scope

_SUBPROTOCOL = "bearer."


def taken(scope: Scope) -> list[str]:
    """Every credential, in the order in which they stand.

    `Authorization: Bearer …` and `X-API-Key: …`; on a WebSocket, where a page can set no header, also the subprotocol
    `bearer.…`. Another scheme of `Authorization` is somebody else's, and goes no further either.
    """
    found: list[str] = []
    kept = []
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
            rest = ", ".join(_others(offered)).encode("latin-1")
            if rest:
                kept.append((name, rest))
        else:
            kept.append(pair)
    if len(kept) != len(scope["headers"]) or found:
        scope["headers"] = kept
    if "subprotocols" in scope:
        scope["subprotocols"] = _others(scope["subprotocols"])
    return found


def _others(subprotocols: list[str]) -> list[str]:
    return [item for item in subprotocols if not item.startswith(_SUBPROTOCOL)]
