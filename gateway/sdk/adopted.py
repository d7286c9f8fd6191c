"""The SDK's low-level `Server` in the form of an `MCPServer`, which is what the rest of the gateway serves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server import Server as LowLevelServer
from mcp.server.connection import Connection
from mcp.server.mcpserver import MCPServer
from mcp.server.runner import serve_one
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    ListToolsResult,
    Tool,
)
from mcp_types.version import LATEST_MODERN_VERSION

from gateway import VERSION
from gateway.cancellation import was_requested

MAX_PAGES = 100
LIST_SECONDS = 10.0
_LIST = "tools/list"
_META: dict[str, Any] = {
    PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
    CLIENT_INFO_META_KEY: {"name": "multi-mcp", "version": VERSION},
    CLIENT_CAPABILITIES_META_KEY: {},
}


class LowLevelTools(MCPServer[Any]):
    """Lists what the handlers of `server` list; they also answer every call. It has no tools of its own."""

    def __init__(self, server: LowLevelServer[Any]) -> None:
        entry = server.get_request_handler("subscriptions/listen")
        listen = entry.handler if entry is not None else None
        super().__init__(server.name, subscriptions=listen._bus if isinstance(listen, ListenHandler) else None)
        self._lowlevel_server = server
        # The same handlers inside of the author's middleware alone: a list for JSON is nobody's native request.
        self._alone = copy.copy(server)
        self._alone.middleware = [*server.middleware]
        self._schemas: dict[str, dict[str, Any]] = {}
        if server.get_tool_input_schema is None:  # the SDK would list the tools at each call of a modern client
            server.get_tool_input_schema = self._schemas.get

    async def list_tools(self) -> list[Tool]:
        """Returns the tools on all pages of the author's list. The server's lifespan must have been entered.

        Raises:
            ListFailed: the list failed, or took too long.
        """
        if self._alone.get_request_handler(_LIST) is None:
            return []
        tools: list[Tool] = []
        cursor: str | None = None
        try:
            with anyio.fail_after(LIST_SECONDS):
                for _ in range(MAX_PAGES):
                    page = await self._page(cursor)
                    tools += page.tools
                    cursor = page.next_cursor
                    if not cursor:
                        break
        except BaseException as exc:  # the author's handler may raise anything
            if was_requested(exc):
                raise
            raise ListFailed from exc
        self._schemas.clear()
        self._schemas.update((tool.name, tool.input_schema) for tool in tools)
        return tools

    async def _page(self, cursor: str | None) -> ListToolsResult:
        connection = Connection.from_envelope(LATEST_MODERN_VERSION, None, None)
        params: dict[str, Any] = {"_meta": _META} if cursor is None else {"_meta": _META, "cursor": cursor}
        async with self._lowlevel_server.lifespan(self._lowlevel_server) as state:
            page = await serve_one(self._alone, _Nobody(), _LIST, params, connection=connection, lifespan_state=state)
        return ListToolsResult.model_validate(page)


class ListFailed(Exception):
    """The tools of a server could not be listed."""


class _Nobody:
    """The SDK's `DispatchContext` of a request that no client has sent."""

    can_send_request = False
    request_id = 0
    message_metadata = None

    def __init__(self) -> None:
        self.transport = TransportContext(kind="json", can_send_request=False)
        self.cancel_requested = anyio.Event()

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> None: ...

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None: ...
