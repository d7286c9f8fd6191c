"""Measures the cost of a call beside many servers, and the time for which long lists delay other calls.

`python -m benchmarks.scale` prints the tables. Everything runs in one process, without a server and a socket, so that
the figures are those of the router alone.
"""

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from starlette.applications import Starlette

from app import create_app
from benchmarks.in_process import Request, longest_hold, microseconds
from benchmarks.tables import table, verdict
from benchmarks.targets import JSON, META, MODERN, NATIVE
from settings.values import Settings

SERVERS = (2, 20, 100)
ROUNDS = 15
ARGUMENTS = {"a": 10, "b": 32}
SERVER = """
from mcp.server.mcpserver import MCPServer

async def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

mcp = MCPServer("server")
for number in range(20):
    mcp.add_tool(add, name=f"{prefix}t{{number}}_tool")
"""
NESTED = """
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

class Address(BaseModel):
    street: str
    city: str
    code: int | None = None

class Person(BaseModel):
    name: str
    address: Address
    friends: list["Person"] = []
    places: dict[str, list[Address]] = {}

class Order(BaseModel):
    buyer: Person
    items: list[dict[str, Person]]
    notes: str | None = None

async def take(order: Order, people: list[Person], count: int = 1) -> Order:
    "Take an order."
    return order

mcp = MCPServer("nested")
for number in range(300):
    mcp.add_tool(take, name=f"t{number}")
"""


def body(tool: str, **more: object) -> bytes:
    return json.dumps({"tool": tool, "arguments": ARGUMENTS, **more}).encode()


def native(path: str, tool: str) -> Request:
    params = {"name": tool, "arguments": ARGUMENTS, "_meta": META}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Request(path, json.dumps(call).encode(), MODERN | {"mcp-name": tool})


WAYS: Mapping[str, tuple[Request, int]] = {
    "`/{server}/mcp/call`": (Request("/s1/mcp/call", body("s1t3_tool"), JSON), 200),
    "`/{server}/mcp/call`, without `_tool`": (Request("/s1/mcp/call", body("s1t3"), JSON), 200),
    "`/{server}/mcp/tools/{tool}`": (Request("/s1/mcp/tools/s1t3_tool", json.dumps(ARGUMENTS).encode(), JSON), 200),
    "`/call` with `server`": (Request("/call", body("s1t3_tool", server="s1"), JSON), 200),
    "`/call`, name over all servers": (Request("/call", body("s1_s1t3_tool"), JSON), 200),
    "`/call`, bare name": (Request("/call", body("s1t3"), JSON), 200),
    "native `/{server}/mcp`": (native("/s1/mcp", "s1t3_tool"), 20),
    "native `/mcp`": (native("/mcp", "s1_s1t3_tool"), 20),
}
"""The requests, each with the number of them in a round."""
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}).encode()
LISTING = NATIVE | {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
LISTS: Mapping[str, Request] = {
    "native `tools/list`, 300 nested tools": Request("/nested/mcp", LIST, LISTING, holds=b"t299"),
    "`GET /{server}/mcp/tools`, 300 nested tools": Request("/nested/mcp/tools", method="GET", holds=b"t299"),
    "native `tools/list` at `/mcp`, 2,300 tools": Request("/mcp", LIST, LISTING, holds=b"t299"),
    "`GET /tools`, 2,300 tools": Request("/tools", method="GET", holds=b"t299"),
    "`GET /openapi.json`, 2,300 tools": Request("/openapi.json", method="GET", holds=b"t299"),
}


def make(servers: int, *, nested: bool = False) -> tuple[Starlette, float]:
    """Returns an application with this number of servers of 20 tools, and the seconds that its creation took."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(servers):
            (Path(folder) / f"s{number}_server.py").write_text(SERVER.format(prefix=f"s{number}"))
        if nested:
            (Path(folder) / "nested_server.py").write_text(NESTED)
        began = time.perf_counter()
        app = create_app(Settings(servers_dir=(folder,), log_level="warning"))
        return app, time.perf_counter() - began


async def measure() -> str:
    """Returns the tables as Markdown."""
    made = {servers: make(servers) for servers in SERVERS}
    large, _ = make(SERVERS[-1], nested=True)
    gc.collect()
    gc.freeze()  # as the process does when it has started
    async with AsyncExitStack() as stack:
        for app in (*(app for app, _ in made.values()), large):
            await stack.enter_async_context(app.router.lifespan_context(app))
        costs = await call_costs({servers: app for servers, (app, _) in made.items()})
        waits = [await wait_row(large, name, request) for name, request in LISTS.items()]
    head = ["CPU µs, in process", *(f"{servers} servers" for servers in SERVERS), "most / fewest, at most 1.1"]
    times = ", ".join(f"{servers} servers of 20 tools {took:.2f} s" for servers, (_, took) in made.items())
    return "\n".join(
        [
            table(head, [cost_row(name, rounds) for name, rounds in costs.items()]),
            f"Making the application: {times}.\n",
            table(["other calls wait for a list, ms", "first request", "second"], waits),
        ]
    )


async def call_costs(apps: Mapping[int, Starlette]) -> dict[str, list[Sequence[float]]]:
    """Returns the rounds of each application for each kind of call. Interleaved rounds all meet the same noise."""
    costs: dict[str, list[Sequence[float]]] = {}
    for name, (request, count) in WAYS.items():
        rounds = [[await microseconds(app, request, count) for app in apps.values()] for _ in range(ROUNDS + 1)]
        costs[name] = [*zip(*rounds[1:], strict=True)]  # the first round is a warm-up
    return costs


async def wait_row(app: Starlette, name: str, request: Request) -> list[str]:
    return [name, *[f"{await longest_hold(app, request):.1f}" for _ in range(2)]]


def cost_row(name: str, rounds: Sequence[Sequence[float]]) -> list[str]:
    ratio = statistics.median(most / fewest for most, fewest in zip(rounds[-1], rounds[0], strict=True))
    return [name, *(f"{min(each):.1f}" for each in rounds), verdict(ratio, 1.1)]
