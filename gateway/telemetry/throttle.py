"""Log lines that strangers cause, limited to some in a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextvars import Context
from typing import Any


class Throttle:
    """Logs the first `limit` lines of each second at level `info`; one more line says how many others there were.

    It is used in the event loop, whose timer ends the second.
    """

    def __init__(self, logger: logging.Logger, event: str, limit: int) -> None:
        self._logger = logger
        self._event = event
        self._limit = limit
        self._logged = 0
        self._left_out = 0

    def __call__(self, fields: Mapping[str, Any]) -> None:
        if self._logged == 0:
            # In a context of its own: the line at the end belongs to no request.
            asyncio.get_running_loop().call_later(1, self._end_second, context=Context())
        if self._logged < self._limit:
            self._logged += 1
            self._logger.info(self._event, extra={"fields": fields})
        else:
            self._left_out += 1

    def _end_second(self) -> None:
        left_out, self._logged, self._left_out = self._left_out, 0, 0
        if left_out:
            self._logger.info(f"{self._event}, not logged one by one", extra={"fields": {"count": left_out}})
