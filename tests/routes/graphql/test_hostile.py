"""Documents that are made to cost: they are refused or answered, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.routes.graphql.asking import ask, reading
from tests.routes.graphql.hostile import DOCUMENTS
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


async def add(a: int, b: int) -> int:
    return a + b


async def tree() -> Tree:
    return Tree(value=1, children=[Tree(value=2)])


async def total(values: list[int]) -> int:
    return sum(values)


async def longest_hold(stop: asyncio.Event) -> float:
    """Returns the most seconds of the CPU that the loop's thread took between two turns of the loop."""
    longest, last = 0.0, time.thread_time()
    while not stop.is_set():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    return longest


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Keeps the garbage of all tests before from being collected while a test measures."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_document_does_not_hold_the_loop(make_app: MakeApp, kind: str) -> None:
    stop = asyncio.Event()
    async with opened(make_app(reading(add, tree), server_of(total, name="two"), graphql=GRAPHQL)) as http:
        await ask(http, "{ _servers }")
        watching = asyncio.create_task(longest_hold(stop))
        answer: Any = await ask(http, DOCUMENTS[kind])
        stop.set()
        held = await watching
    assert {"data", "errors"} & answer.keys()
    assert held < 0.05


def take(node: Tree, values: list[int]) -> Tree:
    return node


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("document", ["mutation { one_t7(values: []) }", "{ __schema { types { name } } }"])
async def test_schema_of_three_hundred_tools_does_not_hold_the_loop(make_app: MakeApp, document: str) -> None:
    server, stop = server_of(), asyncio.Event()
    for number in range(300):
        server.add_tool(take, name=f"t{number}")
    async with opened(make_app(server, graphql=GRAPHQL)) as http:
        await http.get("/tools")  # the list of the tools is that of all ways in
        watching = asyncio.create_task(longest_hold(stop))
        answer: Any = await ask(http, document)
        stop.set()
        held = await watching
    assert {"data", "errors"} & answer.keys()
    assert held < 0.05
