"""Instances of one server in this process, each of which fails as a test says, and can end and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import anyio
import httpx2

from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked, Peer, legacy, modern
from tests.gateway.upstream.http.peer import serving as serving_peer

How = Literal["ok", "held", "garbage", "reset", "busy", "slow", "error", "unknown", "asks", "status"]
SCHEMA = {"type": "object"}
SLOW = 0.3


class Twin:
    """One instance. `calls` has the names of the tools that it has executed, `told` each wish with its session."""

    def __init__(self, name: str, era: str, tools: tuple[str, ...]) -> None:
        self.name = name
        self.how: How = "ok"
        self.tools = [*tools]
        self.calls: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.holding = 0
        self.released = asyncio.Event()
        self.peer = Peer(self._answer)
        self._speak = (modern if era == "modern" else legacy)(self._answer)
        self._port = 0
        self._open = AsyncExitStack()

    async def start(self) -> None:
        self.peer = await self._open.enter_async_context(serving_peer(self._speak, port=self._port))
        self._port = int(self.url.rpartition(":")[2].partition("/")[0])

    async def stop(self) -> None:
        """Refuses connections, and resets those that are open."""
        await self._open.aclose()

    @property
    def url(self) -> str:
        return self.peer.url

    async def _answer(self, asked: Asked) -> None:
        if asked.rpc == "tools/call":
            await self._call(asked, asked.message["params"])
        elif asked.rpc == "tools/list":
            asked.result({"tools": [{"name": name, "inputSchema": SCHEMA} for name in self.tools]})
        elif asked.rpc in ("logging/setLevel", "resources/subscribe"):
            self.told.append((asked.rpc, asked.headers.get("mcp-session-id", "")))
            asked.result({})
        elif self.how == "reset":
            self.calls.append(asked.rpc)
            asked.reset()
        else:
            asked.result({"prompts": [{"name": self.name}], "contents": [], "messages": []})

    async def _call(self, asked: Asked, params: dict[str, Any]) -> None:
        if self.how == "busy":
            asked.answer(b"", 503, headers={"Retry-After": "7"})
            return
        self.calls.append(params["name"])
        if self.how == "held":
            self.holding += 1
            await self.released.wait()
            self.holding -= 1
        elif self.how == "slow":
            await asyncio.sleep(SLOW)
        match self.how:
            case "garbage":
                asked.answer(b"no JSON")
            case "reset":
                asked.reset()
            case "status":
                asked.answer(b"", 500)
            case "unknown":
                asked.error(-32602, "Unknown tool")
            case "asks" if "requestState" not in params:
                roots = {"roots": {"method": "roots/list", "params": {}}}
                asked.result({"resultType": "input_required", "inputRequests": roots, "requestState": self.name})
            case how:
                asked.result({"content": [{"type": "text", "text": self.name}], "isError": how == "error"})


class Twins(list[Twin]):
    """The instances, and the router in front of them."""

    http: httpx2.AsyncClient

    async def call(self, tool: str = "tool", **arguments: Any) -> httpx2.Response:
        return await self.http.post("/one/mcp/call", json={"tool": tool, "arguments": arguments})

    async def called(self, count: int, at_once: int = 8, tool: str = "tool") -> list[httpx2.Response]:
        """Makes so many calls, some at once."""
        places, answers = asyncio.Semaphore(at_once), list[httpx2.Response]()

        async def call() -> None:
            async with places:
                answers.append(await self.call(tool))

        await asyncio.gather(*(call() for _ in range(count)))
        return answers

    async def health(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/one/mcp/health")).json()
        return found

    async def states(self) -> list[str]:
        return [instance["state"] for instance in (await self.health())["instances"]]

    async def reach(self, *states: str) -> None:
        """Waits until the instances have these states."""
        await until(self.states, [*states])

    @property
    def counts(self) -> list[int]:
        return [len(twin.calls) for twin in self]


async def until(found: Callable[[], Any], wanted: Any, within: float = 10) -> None:
    with anyio.fail_after(within):
        while await found() != wanted:
            await anyio.sleep(0.02)


@asynccontextmanager
async def twins(
    serving: Serving, count: int = 3, era: str = "modern", tools: tuple[str, ...] = ("tool",), **fields: Any
) -> AsyncIterator[Twins]:
    """Serves so many instances as the server `one`, all of which are ready."""
    found = Twins(Twin(f"twin-{number}", era, tools) for number in range(count))
    for twin in found:
        await twin.start()
    try:
        entry = {"instances": [twin.url for twin in found], "era": era, **fields}
        async with serving(one=entry) as http:
            found.http = http
            await status(http)
            await found.reach(*["ready"] * count)
            yield found
        with anyio.fail_after(5):  # nothing of the router is left
            while any(twin.peer.connections for twin in found):
                await anyio.sleep(0.01)
    finally:
        for twin in found:
            twin.released.set()
            await twin.stop()
