"""Takes the credentials out of a request, so that nothing behind can see them or pass them on."""

from __future__ import annotations

from starlette.types import Scope

_SUBPROTOCOL = "bearer."


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
