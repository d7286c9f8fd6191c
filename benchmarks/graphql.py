"""Measures GraphQL beside `/call` in the same rounds, the making of a large schema, and how long it delays other calls.

`python -m benchmarks.graphql` prints the tables. Everything runs in one process, without a server and a socket, so that
the figures are those of the router alone.
"""

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
from graphql import get_introspection_query
from starlette.applications import Starlette

from app import create_app
from benchmarks.in_process import Request, longest_hold, microseconds, send
from benchmarks.tables import table
from benchmarks.targets import ADD, JSON
from gateway.graphql.schema import ToolGraph
from gateway.graphql.visible import seen
from gateway.server import Server
from settings.values import Settings

TYPED = """
from enum import Enum
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel

class Colour(Enum):
    RED = "red"
    GREEN = "green"

class Node(BaseModel):
    value: int
    colour: Colour = Colour.RED
    children: list["Node"] = []

async def take(node: Node, colours: list[Colour], count: int = 1) -> Node:
    "Take a node."
    return node

mcp = MCPServer("typed")
for number in range(300):
    mcp.add_tool(take, name=f"t{number}", annotations=ToolAnnotations(read_only_hint=number % 2 == 0))
"""
PATH = "/graphql"
ROUNDS, COUNT = 15, 200
FIELD = "bench_add(a: 10, b: 32)"
TEN = " ".join(f"a{number}: {FIELD}" for number in range(10))


def document(text: str) -> Request:
    return Request(PATH, json.dumps({"query": text}).encode(), JSON, holds=b"")


REQUESTS: Mapping[str, Request] = {
    "`/call`": Request("/bench/mcp/call", ADD, JSON),
    "GraphQL, one call": document(f"mutation {{ {FIELD} }}"),
    "GraphQL, ten calls": document(f"mutation {{ {TEN} }}"),
}
SLOW: Mapping[str, Request] = {
    "first request: the schema": document("{ _servers }"),
    "introspection": document(get_introspection_query()),
    "2,000 tokens of one field": document("{ " + "_servers " * 1990 + "}"),
    "190 equal objects": document("{ " + '__type(name: "Query") { name } ' * 190 + "}"),
}


async def _serving(stack: AsyncExitStack, folder: Path) -> tuple[Starlette, list[Server]]:
    app = create_app(Settings(servers_dir=(str(folder),), graphql=PATH, log_level="error"))
    await stack.enter_async_context(app.router.lifespan_context(app))
    return app, [*app.state.registry]


def built(servers: list[Server]) -> tuple[float, float]:
    """Returns the milliseconds of the CPU until a request can be answered, and until the whole schema is made."""
    began = time.process_time()
    graph = ToolGraph(seen(servers, [(server, server.tools()) for server in servers]))
    ready = time.process_time()
    assert len(graph.schema.type_map) > len(servers)
    return (ready - began) * 1000, (time.process_time() - began) * 1000


async def main() -> None:
    here = Path(__file__).parent
    async with AsyncExitStack() as stack:
        app, _ = await _serving(stack, here / "servers")
        found: dict[str, list[float]] = {name: [] for name in REQUESTS}
        for request in REQUESTS.values():
            await microseconds(app, request, COUNT)
        gc.collect()
        gc.freeze()
        for _ in range(ROUNDS):
            for name, request in REQUESTS.items():
                found[name].append(await microseconds(app, request, COUNT))
        rows = [[name, f"{statistics.median(values):.1f}"] for name, values in found.items()]
        print(table(["CPU µs of a request, in process", "median"], rows))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "typed_server.py").write_text(TYPED)
        async with AsyncExitStack() as stack:
            app, servers = await _serving(stack, Path(folder))
            built(servers)
            gc.collect()
            gc.freeze()  # as the process does when it has started
            ready, whole = map(statistics.median, zip(*(built(servers) for _ in range(ROUNDS)), strict=True))
            print(f"The schema of 300 tools is ready in {ready:.1f} ms of CPU, and whole in {whole:.0f} ms.\n")
            rows = []
            for name, request in SLOW.items():
                held = await longest_hold(app, request)
                rows.append([name, f"{held:.1f}"])
                await send(app, request)
            print(table(["beside 300 tools", "longest delay of other requests, ms"], rows))


if __name__ == "__main__":
    anyio.run(main)
