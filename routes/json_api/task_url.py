"""The URL of a task, under `/{server}/mcp/tasks/`: the name of its tool, and its sealed id."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any
from urllib.parse import quote

from starlette.types import Scope

from routes.scope import root_path_of

PREFIX = "task-"
_POLL = 1000
"""Milliseconds between two requests if the server does not say."""

_LONGEST = 3600


def task_headers(asks: Mapping[str, Any], server: str, tool: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    """Returns the headers of an answer that is a task: where to ask for its result, and when. None for questions."""
    if asks.get("resultType") != "task":
        return []
    state = asks["requestState"].removeprefix(PREFIX)
    url = quote(f"{root_path_of(scope)}/{server}/mcp/tasks/{tool}/{state}")
    wait = asks.get("pollInterval", asks.get("pollIntervalMs", _POLL))
    milliseconds = wait if isinstance(wait, int | float) and wait >= 0 else _POLL
    seconds = min(max(1, ceil(milliseconds / 1000)), _LONGEST)
    return [(b"location", url.encode()), (b"retry-after", b"%d" % seconds)]
