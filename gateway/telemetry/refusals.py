"""What is refused before it is a call: said once, to the log and to whoever counts."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.caller import caller

logger = logging.getLogger(__name__)
Refused = Callable[[str], None]
"""Takes the reason: a slug of the error table."""


class Refusals:
    """Hands each reason on to `listeners`, and writes a line. A call that is refused is a call, and `record` has it."""

    def __init__(self) -> None:
        self.listeners: list[Refused] = []

    def __call__(self, reason: str, address: str = "") -> None:
        """`address` is for what stands in front of those who find out who is asking."""
        who = caller.get()
        said = {"reason": reason, "address": who.address or address, "caller": who.name}
        logger.info("refused", extra={"fields": said})
        for listener in self.listeners:
            listener(reason)
