"""The SDK's low-level server, whose methods may come and go while it runs."""

from __future__ import annotations

from typing import Any

from mcp.server import NotificationOptions
from mcp.server import Server as LowLevelServer
from mcp.server.models import InitializationOptions


class AggregateServer(LowLevelServer[Any]):
    """Tells legacy clients that its lists may change; the SDK's default says that they never do."""

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *arguments: Any, **keywords: Any
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(True, True, True)
        return super().create_initialization_options(options, *arguments, **keywords)

    def remove_request_handler(self, method: str) -> None:
        """Undoes `add_request_handler`, for which the SDK has no function."""
        self._request_handlers.pop(method, None)
