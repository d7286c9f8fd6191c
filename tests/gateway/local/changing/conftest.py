"""A followed file of one server, whose code a test changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.conftest import MakeApp, WriteServers
from tests.transport import opened

CODE = """
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import EmptyResult, SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams
from pydantic import BaseModel

FOLDER = Path(__file__).parent
SUBSCRIBED, LEVELS = {}, []


@asynccontextmanager
async def lifespan(server):
    with (FOLDER / "events").open("a") as file:
        print("opens {number}", file=file)
    yield "state {number}"
    with (FOLDER / "events").open("a") as file:
        print("closes {number}", file=file)


mcp = MCPServer("one", lifespan=lifespan)


@mcp.tool()
async def say(ctx: Context) -> str:
    return ctx.request_context.lifespan_context


@mcp.tool()
async def wait(ctx: Context) -> str:
    (FOLDER / "begun").touch()
    while not (FOLDER / "gate").exists():
        await anyio.sleep(0.01)
    return ctx.request_context.lifespan_context


@mcp.tool()
async def ask(ctx: Context) -> str:
    (FOLDER / "begun").touch()
    while not (FOLDER / "gate").exists():
        await anyio.sleep(0.01)
    roots = await ctx.session.list_roots()
    return "{number} " + roots.roots[0].name


class Name(BaseModel):
    name: str


@mcp.tool()
async def elicit(ctx: Context) -> str:
    return "{number} " + (await ctx.elicit("Who?", Name)).data.name


async def subscribe(ctx, params):
    SUBSCRIBED[params.uri] = ctx.session
    return EmptyResult()


async def unsubscribe(ctx, params):
    SUBSCRIBED.pop(params.uri)
    return EmptyResult()


async def set_level(ctx, params):
    LEVELS.append(params.level)
    return EmptyResult()


server = mcp._lowlevel_server
server.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)


@mcp.tool()
async def wishes() -> list[str]:
    return [str(uri) for uri in SUBSCRIBED] + LEVELS


@mcp.tool()
async def update() -> str:
    for uri, session in SUBSCRIBED.items():
        await session.send_resource_updated(uri)
    return "updated"


@mcp.resource("note://1")
async def note() -> str:
    return "note {number}"
"""


class Changed:
    """The file of the server `one`. `events` are the openings and closings of its lifespans."""

    def __init__(self, write: WriteServers, http: httpx2.AsyncClient, folder: Path) -> None:
        self.http = http
        self._write = write
        self.folder = folder

    def write(self, number: int, more: str = "", code: str = CODE) -> None:
        self._write({"one_server.py": code.replace("{number}", str(number)) + more})

    async def to(self, number: int, more: str = "", code: str = CODE) -> None:
        """Changes the code, and waits until new calls are answered by it."""
        self.write(number, more, code)
        await until(lambda: self._says(f"state {number}"))

    async def _says(self, result: str) -> bool:
        answer: Any = (await post(self.http, "say")).json()
        return bool(answer.get("result") == result)

    def events(self) -> list[str]:
        return (self.folder / "events").read_text().splitlines()

    async def until_exists(self, name: str) -> None:
        await until((anyio.Path(self.folder) / name).exists)

    async def until_event(self, event: str) -> None:
        async def came() -> bool:
            return event in self.events()

        await until(came)


async def until(said: Callable[[], Any]) -> None:
    with anyio.fail_after(20):
        while not await said():
            await anyio.sleep(0.02)


@pytest.fixture
async def changed(make_app: MakeApp, write_servers: WriteServers) -> AsyncIterator[Changed]:
    folder = write_servers({"one_server.py": CODE.replace("{number}", "1")})
    async with opened(make_app(servers=(), follow=True)) as http:
        yield Changed(write_servers, http, folder)
