"""The tools of a server whose author's own code lists them, kept for the JSON ways in."""

from __future__ import annotations

import logging
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer

from gateway.local.plan import Plan
from gateway.local.tools import Tools
from gateway.sdk import internals

logger = logging.getLogger(__name__)
MIN_SECONDS = 1.0
"""The list is read again at most as often, whoever asks for unknown tools."""


class OwnList:
    """Hands what the overridden list of `mcp` lists to `tools`. Does nothing if the SDK's own code lists them."""

    def __init__(self, server: str, mcp: MCPServer[Any], tools: Tools) -> None:
        self._server = server
        self._mcp = mcp
        self._tools = tools
        self._read_at = -MIN_SECONDS

    async def read(self) -> None:
        """Reads the list. One that fails is logged, and the tools of the last one stay."""
        self._read_at = anyio.current_time()
        try:
            own = await internals.own_tools(self._mcp)
        except Exception as exc:  # a list that needs a client's request, or a backend that is away
            logger.warning(
                "server %r: its own `list_tools` failed, so JSON lacks the tools of it alone",
                self._server,
                exc_info=exc,
            )
            return
        if own is not None:
            self._tools.list_instead(own)

    async def find_new(self, name: str) -> Plan | None:
        """Returns a tool that has come since the list was read; None if there is none of this name."""
        if internals.lists_itself(self._mcp) and anyio.current_time() - self._read_at >= MIN_SECONDS:
            await self.read()
            return self._tools.find(name)
        return None
