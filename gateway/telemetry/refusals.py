"""Requests that are refused before they become a call: one log line each, up to a number a second, and one count."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.call import request_id
from gateway.caller import caller
from gateway.telemetry.throttle import Throttle

logger = logging.getLogger(__name__)
Refused = Callable[[str], None]
"""Takes the reason, a slug of the error table."""


LOGGED = 50
"""Refusals that are logged one by one in a second."""


class Refusals:
    """Logs each refusal and passes its reason to `listeners`. Refused calls are recorded as calls, not here.

    `watchers` get the reason, the address, the caller's name and the id of the request.
    """

    def __init__(self) -> None:
        self.listeners: list[Refused] = []
        self.watchers: list[Callable[[str, str, str | None, str], None]] = []
        self._log = Throttle(logger, "refused", LOGGED)

    def __call__(self, reason: str, address: str = "") -> None:
        """`address` is for middleware that runs before the caller is known."""
        known = caller.get()
        self._log({"reason": reason, "address": known.address or address, "caller": known.name})
        for listener in self.listeners:
            listener(reason)
        for watcher in self.watchers:
            watcher(reason, known.address or address, known.name, request_id.get())
