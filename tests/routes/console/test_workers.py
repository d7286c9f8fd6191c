"""The console over the workers of one parent, without Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from features.asking import Inheritance, inherited
from tests.conftest import MakeApp, server_of
from tests.routes.console.console import OWN, one, stream
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient


async def add(a: int, b: int) -> int:
    return a + b


async def wait() -> str:
    await asyncio.sleep(60)
    return "never"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")


@asynccontextmanager
async def workers(make_app: MakeApp, folder: Path, count: int, **settings: Any) -> AsyncIterator[list[Http]]:
    token = inherited.set(Inheritance(secrets.token_hex(32), str(folder)))
    try:
        async with AsyncExitStack() as stack:
            apps = [make_app(server_of(add, wait), console=True, workers=count, **settings) for _ in range(count)]
            yield [await stack.enter_async_context(opened(app)) for app in apps]
    finally:
        inherited.reset(token)


async def many(clients: list[Http], count: int) -> None:
    body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
    for number in range(count):
        assert (await clients[number % len(clients)].post("/one/mcp/call", json=body)).status_code == 200


async def read(http: Http, cursor: str, found: list[tuple[str, int]], count: int) -> str:
    """Reads a stream from a cursor until there are so many calls, and returns the cursor after them."""
    async with stream(http, {"last-event-id": cursor} if cursor else {}) as feed, asyncio.timeout(20):
        while len(found) < count:
            data = await feed.next("calls")
            assert data["missed"] == 0
            found += [(call["process"], call["number"]) for call in data["calls"]]
        return feed.cursor


async def until(ask: Callable[[], Awaitable[Any]], found: Callable[[Any], Any]) -> Any:
    async with asyncio.timeout(20):
        while not found(answer := await ask()):
            await asyncio.sleep(0.02)
    return answer


async def data(http: Http, name: str) -> Any:
    return (await http.get(f"/console/data/{name}")).json()


async def test_page_counts_the_calls_of_all_workers_whichever_it_reads_from(make_app: MakeApp, folder: Path) -> None:
    async with workers(make_app, folder, 3) as clients:
        found: list[tuple[str, int]] = []
        cursor = ""
        for turn in range(6):
            await many(clients, 60)
            cursor = await read(clients[turn % 3], cursor, found, 60 * (turn + 1))
        assert len(found) == len({*found}) == 360
        assert len({process for process, _ in found}) == 3
        async with stream(clients[1]) as feed:
            state = await feed.next("state")
        assert (state["reach"], state["trouble"], len(state["processes"])) == ("workers", "", 3)


async def test_figures_refusals_and_one_call_are_those_of_all_workers(make_app: MakeApp, folder: Path) -> None:
    async with workers(make_app, folder, 2) as clients:
        for client, request_id in zip(clients, ("here", "there"), strict=True):
            wrong = {"tool": "add", "arguments": {"a": "x"}}
            await client.post("/one/mcp/call", json=wrong, headers={"x-request-id": request_id})
            await client.post("/one/mcp/call", json=wrong, headers={"origin": "http://other.example"})
        assert (await one(clients[0], "there"))["outcome"] == "invalid-arguments"
        tools = await until(lambda: data(clients[0], "tools"), lambda each: each["tools"][0].get("calls") == 2)
        assert (tools["reach"], tools["tools"][0]["errors"]) == ("workers", 2)
        assert tools["tools"][0]["last_error"][2] == "there"
        refused = (await data(clients[1], "refusals"))["refusals"]
        assert [each["reason"] for each in refused] == ["forbidden-origin"] * 2
        assert len({each["process"] for each in refused}) == 2


async def test_call_that_runs_in_another_worker_is_cancelled(make_app: MakeApp, folder: Path) -> None:
    async with workers(make_app, folder, 2) as clients:
        call = asyncio.create_task(clients[0].post("/one/mcp/call", json={"tool": "wait"}))
        async with stream(clients[1]) as feed:
            state = await feed.until("state", lambda each: any(one["running"] for one in each["processes"]))
        (process,) = [each for each in state["processes"] if each["running"]]
        body = {"process": process["process"], "number": process["running"][0]["number"]}
        assert (await clients[1].post("/console/cancel", json=body, headers=OWN)).json() == {"cancelled": True}
        assert (await asyncio.wait_for(call, 20)).json()["type"] == "urn:multi-mcp:error:cancelled"
        for gone in ({"process": "gone", "number": 1}, {"process": "../../x", "number": 1}, {**body, "number": 99}):
            assert (await clients[1].post("/console/cancel", json=gone, headers=OWN)).json() == {"cancelled": False}


async def test_page_says_when_a_worker_is_gone_and_goes_on_with_one_that_is_new(
    make_app: MakeApp, folder: Path
) -> None:
    async with workers(make_app, folder, 2) as clients:
        token = inherited.set(Inheritance(secrets.token_hex(32), str(folder)))
        third = make_app(server_of(add), console=True, workers=2)
        inherited.reset(token)
        await many(clients, 2)
        found: list[tuple[str, int]] = []
        cursor = await read(clients[0], "", found, 2)
        async with opened(third) as http:
            await many([http], 3)
            cursor = await read(clients[0], cursor, found, 5)
        await many(clients, 2)
        await read(clients[1], cursor, found, 7)
        assert len({*found}) == 7
        _, other = (await data(clients[0], "sessions"))["processes"]
        killed = folder / f"{other['process']}.console"
        killed.unlink()
        killed.touch()  # it takes no connections, as the file of a worker that was killed
        async with stream(clients[0]) as feed:
            state = await feed.until("state", lambda each: each["trouble"])
        assert state["trouble"].startswith("1 of 2 workers answer")
        for page in ("tools", "refusals", "sessions", "servers", "calls/x"):
            assert (await data(clients[0], page))["trouble"] == state["trouble"], page
        assert not killed.exists()


async def test_worker_that_takes_connections_and_says_nothing_holds_no_page_up(make_app: MakeApp, folder: Path) -> None:
    opened_by_us: list[asyncio.StreamWriter] = []
    path = folder / "00000000.console"
    server = await asyncio.start_unix_server(lambda _, writer: opened_by_us.append(writer), path)
    try:
        async with workers(make_app, folder, 1) as (http,):
            await many([http], 1)
            async with stream(http) as feed:
                assert len((await feed.until("calls", lambda each: each["calls"]))["calls"]) == 1
                assert feed.cursor.count("-") == 1
    finally:
        server.close()
        for writer in opened_by_us:
            writer.close()


@pytest.mark.parametrize("question", [b'["unknown", ""]', b"nonsense", b"1", b""])
async def test_worker_answers_no_question_that_it_does_not_know_and_goes_on(
    make_app: MakeApp, folder: Path, question: bytes
) -> None:
    async with workers(make_app, folder, 2) as clients:
        _, other = (await data(clients[0], "sessions"))["processes"]
        reader, writer = await asyncio.open_unix_connection(folder / f"{other['process']}.console")
        writer.write(len(question).to_bytes(4) + question)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        assert len((await data(clients[0], "sessions"))["processes"]) == 2
