"""The tools of a server whose author's own code lists them, kept for the JSON ways in."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer

from gateway.local.plan import Plan
from gateway.local.tools import Tools
from gateway.sdk import internals
from gateway.sdk.tool_list import LIST

Context = ServerRequestContext[Any, Any]
logger = logging.getLogger(__name__)
MIN_SECONDS = 1.0
"""The list is read again after this time at the earliest, however often it may have changed."""


class OwnList:
    """Hands what the overridden list of `mcp` lists to `tools`. Does nothing if the SDK's own code lists them."""

    def __init__(self, server: str, mcp: MCPServer[Any], tools: Tools) -> None:
        self._server = server
        self._mcp = mcp
        self._tools = tools
        self._read_again_at = -math.inf

    async def read(self) -> None:
        """Reads the list. One that fails is logged, and the tools of the last one stay."""
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
        await self._read_again()
        found = self._tools.find(name)
        return None if found is None or found.versions is not None else found  # a version is chosen before

    @property
    def middleware(self) -> list[ServerMiddleware[Any]]:
        return [self._note] if internals.lists_itself(self._mcp) else []

    async def _note(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Is an SDK middleware. Reads the list again when a native one has a tool that the last one had not."""
        result = await call_next(ctx)
        if ctx.method != LIST or not isinstance(result, Mapping):
            return result
        if any(self._tools.plan(str(tool.get("name"))) is None for tool in result.get("tools", ())):
            await self._read_again()
        return result

    async def _read_again(self) -> None:
        now = anyio.current_time()
        if internals.lists_itself(self._mcp) and now - self._read_again_at >= MIN_SECONDS:
            self._read_again_at = now
            await self.read()
