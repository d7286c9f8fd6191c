"""The states of an upstream server: how long each may last, and the log of their changes."""

from __future__ import annotations

import logging
import math
import random
from dataclasses import dataclass
from typing import Literal

from gateway.errors import Unavailable

logger = logging.getLogger(__name__)
State = Literal["idle", "starting", "ready", "failing"]
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a start may take, and that a link may be without a request until it is closed; None for ever.

    A lazy server is opened only when somebody asks for its link, and given up when it has been idle. One that was open
    and ends for the first time starts at once if it `starts_at_once`.
    """

    start: float
    idle: float | None
    is_lazy: bool = False
    longest_pause: float = LONGEST_PAUSE
    starts_at_once: bool = True

    def pause_after(self, failures: int, *, was_open: bool) -> float:
        """Returns the seconds until the next start."""
        longest = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), self.longest_pause)
        is_first = was_open and failures == 1 and self.starts_at_once
        return 0.0 if is_first else longest * random.uniform(0.8, 1.2)  # noqa: S311


def tried_again(reason: str, seconds: float) -> Unavailable:
    """Returns the refusal of a call to a server that is away, and is tried again in so many seconds."""
    refused = Unavailable(reason)
    refused.retry_after = max(1, math.ceil(seconds))
    return refused


class Changes:
    """Logs each change once: a server that fails again for the same reason is no news. `kind` says what it is."""

    def __init__(self, server: str, kind: str) -> None:
        self._server = server
        self._kind = kind
        self._last = ("", "")

    def log(self, state: State, reason: str, *, is_again: bool) -> None:
        news = (state, reason)
        is_news = news != self._last and not (state == "starting" and is_again)
        self._last = news if is_news else self._last
        level = logging.DEBUG if not is_news else logging.WARNING if state == "failing" else logging.INFO
        fields = {"fields": {"server": self._server, **({"reason": reason} if reason else {})}}
        logger.log(level, "%s is %s", self._kind, state, extra=fields)
