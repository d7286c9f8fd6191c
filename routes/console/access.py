"""The scopes of the console itself."""

from __future__ import annotations

from typing import Literal

from gateway.caller import caller
from gateway.errors import Forbidden
from gateway.telemetry.refusals import Refused

AREA = "console"
Action = Literal["read", "arguments", "cancel"]
ACTIONS: tuple[Action, ...] = ("read", "arguments", "cancel")


def may(action: Action) -> bool:
    """Returns True if the caller has the scope; `*:*` does not include it. Without authentication all may do all."""
    grants = caller.get().grants
    return grants is None or grants.covers_own(AREA, action)


def require(action: Action, refused: Refused) -> None:
    """Raises Forbidden if the caller has not the scope."""
    if not may(action):
        refused(Forbidden.slug)
        raise _forbidden(action)


def _forbidden(action: Action) -> Forbidden:
    error = Forbidden(AREA, None, f"{AREA}:{action}")
    error.server = None  # it is no server, and no tool
    return error
