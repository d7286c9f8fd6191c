"""A stream of notifications that is opened again for as long as its link lives."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.upstream.http.failures import StatusFailure
from gateway.upstream.link import Heard, LinkFailure, Params, Refusal

logger = logging.getLogger(__name__)
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
SUSTAINED = 5.0
"""Seconds for which a stream must have been open, so that the pauses begin anew."""

_ABSENT = frozenset({404, 405, 406, 501})
_METHOD_NOT_FOUND = -32601

Listen = Callable[[Callable[[], None]], Awaitable[float | None]]
"""Reads one stream to its end, and returns the pause in seconds that the server asks for.

It is handed the function to call when the stream is open.
"""


async def keep_listening(listen: Listen, changed: Callable[[], None]) -> None:
    """Opens the stream again whenever it ends, with a pause that grows; not if the server has none.

    `changed` is called when it is open again: what was told in between is lost.
    """
    pause, was_open = FIRST_PAUSE, False

    def opened() -> None:
        nonlocal was_open
        if was_open:
            changed()
        was_open = True

    now = asyncio.get_running_loop().time
    while True:
        asked, began = None, now()
        try:
            asked = await listen(opened)
        except (LinkFailure, Refusal) as exc:
            if _is_absent(exc):
                return
            logger.debug("the stream of an upstream ended: %s", exc)
        if now() - began > SUSTAINED:
            pause = FIRST_PAUSE
        # Not all at once after a restart of the server.
        await asyncio.sleep(max(pause * random.uniform(0.8, 1.2), min(asked or 0.0, LONGEST_PAUSE)))  # noqa: S311
        pause = min(pause * 2, LONGEST_PAUSE)


def list_changes(capabilities: Params) -> list[str]:
    """Returns the kinds of lists (`tools`, `prompts`, `resources`) whose changes the server tells."""
    kinds = ("tools", "prompts", "resources")
    return [kind for kind in kinds if _of(capabilities, kind).get("listChanged") is True]


def tell_changes(capabilities: Params, heard: Heard) -> None:
    """Tells that each list may have changed."""
    for kind in list_changes(capabilities):
        heard(f"notifications/{kind}/list_changed", {})


def _of(capabilities: Params, kind: str) -> Mapping[str, Any]:
    found = capabilities.get(kind)
    return found if isinstance(found, dict) else {}


def _is_absent(exc: Exception) -> bool:
    if isinstance(exc, StatusFailure):
        return exc.status in _ABSENT
    return isinstance(exc, Refusal) and exc.code == _METHOD_NOT_FOUND
