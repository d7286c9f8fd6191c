"""An application that follows its file, with the server `one` whose entry changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.clients import post
from tests.gateway.upstream.conftest import Serving, status, written
from tests.gateway.upstream.test_ending import is_alive


class Changed:
    """The entry `one`, and whatever else the file has."""

    def __init__(self, http: httpx2.AsyncClient, folder: Path) -> None:
        self.http = http
        self._folder = folder

    def write(self, **entries: Any) -> None:
        written(self._folder, entries)

    async def to(self, one: dict[str, Any]) -> None:
        """Changes the entry `one` to another one, and waits until that is served."""
        marked = one.setdefault("tools", {}).setdefault("describe", {})
        marked["pid"] = f"Change {id(one)}."
        self.write(one=one)
        with anyio.fail_after(15):
            while marked["pid"] not in (await self.http.get("/one/mcp/tools")).text:
                await anyio.sleep(0.02)

    async def pid(self) -> int:
        return int((await post(self.http, "pid")).json()["result"].split()[0])

    async def ended(self, pid: int) -> None:
        """Waits until a process has ended."""
        with anyio.fail_after(10):
            while is_alive(pid):
                await anyio.sleep(0.02)

    async def health(self, wanted: str) -> dict[str, Any]:
        """Waits until the server has this status, and returns its health. It answers requests meanwhile."""
        health = await status(self.http, wanted)
        assert (await self.http.get("/one/mcp/health")).status_code == 200
        return health


@asynccontextmanager
async def changing(serving: Serving, folder: Path, one: dict[str, Any], **settings: Any) -> AsyncIterator[Changed]:
    """Opens the application with the entry `one`, once that is served."""
    async with serving({"follow": True, **settings}, one=one) as http:
        await status(http)
        yield Changed(http, folder)
