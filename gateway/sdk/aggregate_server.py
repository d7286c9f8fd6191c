"""The SDK's low-level server over several servers, whose methods come and go while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mcp.server import NotificationOptions
from mcp.server import Server as LowLevelServer
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import HandlerEntry
from mcp.server.models import InitializationOptions
from mcp_types import NotificationParams, RequestParams, ServerCapabilities
from mcp_types.methods import SPEC_CLIENT_METHODS

from gateway.server import Peer, Server

MAX_INSTRUCTIONS = 8 * 1024
MAX_ALL_INSTRUCTIONS = 64 * 1024
"""Characters of the instructions of one server, and of all."""

Handle = Callable[[ServerRequestContext[Any, Any], Any], Any]


class AggregateServer(LowLevelServer[Any]):
    """Says what the servers together can do that `servers` returns: those of which the caller may use something.

    `forward` takes each request of an extension that one of them alone has, and `notify` each notification of a client
    for which one has a handler.
    """

    def __init__(
        self, name: str, *, servers: Callable[[], Iterable[Server]], forward: Handle, notify: Handle, **options: Any
    ) -> None:
        self._servers = servers
        self._forward = forward
        self._notify = notify
        super().__init__(name, **options)

    @property
    def instructions(self) -> str | None:
        """The instructions of the servers, each under its server's name."""
        texts = [
            f"## {server.name}\n\n{_cut(server, MAX_INSTRUCTIONS)}" for server in self._servers() if server.instructions
        ]
        return "\n\n".join(texts)[:MAX_ALL_INSTRUCTIONS] or None

    @instructions.setter
    def instructions(self, text: str | None) -> None:
        """Ignores the default that the base class sets."""

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *arguments: Any, **keywords: Any
    ) -> InitializationOptions:
        """Tells legacy clients that the lists may change; the SDK's default says that they never do."""
        options = notification_options or NotificationOptions(True, True, True)
        return super().create_initialization_options(options, *arguments, **keywords)

    def get_capabilities(self, *arguments: Any, **keywords: Any) -> ServerCapabilities:
        capabilities = super().get_capabilities(*arguments, **keywords)
        capabilities.extensions = _merged(self._servers()) or None
        return capabilities

    def get_request_handler(self, method: str) -> HandlerEntry[Any] | None:
        entry = super().get_request_handler(method)
        if entry is None and method not in SPEC_CLIENT_METHODS:
            having = [server for server in self._servers() if server.handles(method)]
            return HandlerEntry(RequestParams, self._forward) if len(having) == 1 else None
        return entry

    def get_notification_handler(self, method: str) -> HandlerEntry[Any] | None:
        if any(server.handles(method) for server in self._servers()):
            return HandlerEntry(NotificationParams, self._notify)
        return None

    def remove_request_handler(self, method: str) -> None:
        """Undoes `add_request_handler`, for which the SDK has no function."""
        self._request_handlers.pop(method, None)


def _cut(server: Peer, length: int) -> str:
    text = (server.instructions or "").strip()
    return text if len(text) <= length else f"{text[:length]}…"


def _merged(servers: Iterable[Peer]) -> dict[str, dict[str, Any]]:
    """Returns the settings of all extensions. Of a setting that several servers have, the first one counts."""
    merged: dict[str, dict[str, Any]] = {}
    for server in servers:
        for identifier, settings in server.extensions.items():
            merged[identifier] = {**settings, **merged.get(identifier, {})}
    return merged
