"""The notifications of an upstream server on their way to the clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.upstream.link import Heard, Identity, Link, Params

UPDATED = "notifications/resources/updated"
TOOLS_CHANGED = "notifications/tools/list_changed"
PROMPTS_CHANGED = "notifications/prompts/list_changed"
RESOURCES_CHANGED = "notifications/resources/list_changed"
TOLD = frozenset({PROMPTS_CHANGED, RESOURCES_CHANGED, UPDATED})
"""The notifications that are handed on as they are."""
LISTS = {"prompts": PROMPTS_CHANGED, "resources": RESOURCES_CHANGED}
"""The capabilities, besides `tools`, whose lists another backend may have others of."""

MAX_TELLING = 1000
"""Different notifications on their way at the same time. Further ones are dropped."""

Told = Callable[[str, Params, str], Awaitable[None]]
"""Tells the clients of a link: the method and the parameters of a notification, and the place of the link."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The functions that `Backend` calls. When one has replaced another, `changed` is called and `move` awaited."""

    opened: Callable[[Identity], None]
    repeat: Callable[[Link, str], Awaitable[None]]
    told: Told
    heard: Heard
    changed: Callable[[], None]
    move: Callable[[], Awaitable[None]]


class Telling:
    """`begin` begins a task."""

    def __init__(self, told: Told, begin: Callable[[Awaitable[None]], None]) -> None:
        self._told = told
        self._begin = begin
        self._telling: set[tuple[str, str, str]] = set()

    def tell(self, method: str, params: Params, place: str) -> None:
        """Tells the clients, unless they are being told the same: a flood of one notification becomes one."""
        key = (method, str(params.get("uri", "")), place)
        if key in self._telling or len(self._telling) >= MAX_TELLING:
            return
        self._telling.add(key)

        async def tell() -> None:
            try:
                await self._told(method, params, place)
            finally:
                self._telling.discard(key)

        self._begin(tell())
