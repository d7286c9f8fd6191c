"""Change events as the notifications of sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.connection import Connection
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated, ToolsListChanged

from gateway.sdk.changes.observed import is_relaying

WINDOW = 0.05
"""Seconds in which equal events for a session become one."""

LISTS_CHANGED: tuple[ServerEvent, ...] = (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged())
_METHODS: Mapping[type[Any], str] = {
    ToolsListChanged: "notifications/tools/list_changed",
    PromptsListChanged: "notifications/prompts/list_changed",
    ResourcesListChanged: "notifications/resources/list_changed",
    ResourceUpdated: "notifications/resources/updated",
}


def notification(event: ServerEvent) -> tuple[str, str]:
    """Returns the method of the notification for an event, and the URI of its resource, empty for that of a list."""
    return _METHODS[type(event)], event.uri if isinstance(event, ResourceUpdated) else ""


class Notifier:
    """Tells the client of one session, at its own pace. What waits to be sent is not queued twice."""

    def __init__(self, connection: Connection) -> None:
        self._channel = connection.outbound
        self._waiting: dict[ServerEvent, None] = {}
        self._task: asyncio.Task[None] | None = None
        connection.exit_stack.callback(self._close)

    def tell(self, event: ServerEvent) -> None:
        """Takes an event of a list, or of a resource that the client watches: so many wait at most."""
        self._waiting[event] = None
        if self._task is None:
            self._task = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        is_relaying.set(True)
        try:
            while self._waiting:
                await asyncio.sleep(WINDOW)
                waiting, self._waiting = self._waiting, {}
                for event in waiting:
                    method, uri = notification(event)
                    await self._channel.notify(method, {"uri": uri} if uri else None)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the session has ended
        finally:
            self._task = None

    def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
