"""Operations over WebSocket, by the protocol `graphql-transport-ws`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from starlette.applications import Starlette

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.matrix import access
from tests.routes.graphql.asking import slugs
from tests.sockets import Refused, Socket, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
PROTOCOL = "graphql-transport-ws"


async def add(a: int, b: int) -> int:
    return a + b


async def report(steps: int, ctx: Context) -> int:
    for step in range(steps):
        await ctx.report_progress(step, steps)
    return steps


@asynccontextmanager
async def acknowledged(app: Starlette, **payload: Any) -> AsyncIterator[Socket]:
    async with opened(app), connected(app, GRAPHQL, subprotocols=[PROTOCOL]) as socket:
        assert socket.accepted["subprotocol"] == PROTOCOL
        assert await socket.ask({"type": "connection_init", "payload": payload}) == {"type": "connection_ack"}
        yield socket


def subscribe(id_: str, query: str, **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": id_, "payload": {"query": query, **more}}


async def test_operations_answer_each_with_its_id(make_app: MakeApp) -> None:
    async with acknowledged(make_app(server_of(add, report), graphql=GRAPHQL)) as socket:
        answer = await socket.ask(subscribe("1", "mutation($a: Long!) { one_add(a: $a, b: 2) }", variables={"a": 1}))
        assert answer == {"type": "next", "id": "1", "payload": {"data": {"one_add": 3}}}
        assert await socket.receive() == {"type": "complete", "id": "1"}
        socket.send(subscribe("r", "subscription { one_report(steps: 1) { progress { progress total } result } }"))
        sent = [(await socket.receive())["payload"]["data"]["one_report"] for _ in range(2)]
        assert sent == [
            {"progress": {"progress": 0, "total": 1}, "result": None},
            {"progress": None, "result": 1},
        ]
        assert await socket.receive() == {"type": "complete", "id": "r"}
        assert await socket.ask({"type": "ping"}) == {"type": "pong"}


async def test_document_that_is_not_valid_is_an_error_of_its_id(make_app: MakeApp) -> None:
    async with acknowledged(make_app(server_of(add), graphql=GRAPHQL)) as socket:
        answer = await socket.ask(subscribe("1", "{ one_add }"))
        assert (answer["type"], answer["id"], slugs({"errors": answer["payload"]})) == (
            "error",
            "1",
            ["invalid-request"],
        )
        assert (await socket.ask(subscribe("1", "{ _servers }")))["payload"] == {"data": {"_servers": ["one"]}}


async def test_completed_operation_is_cancelled_and_so_are_those_of_a_client_that_leaves(make_app: MakeApp) -> None:
    begun, cancelled = asyncio.Queue[None](), asyncio.Queue[None]()

    async def hang() -> int:
        begun.put_nowait(None)
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.put_nowait(None)
        return 0

    async with acknowledged(make_app(server_of(hang, add), graphql=GRAPHQL)) as socket:
        socket.send(subscribe("1", "mutation { one_hang }"))
        await begun.get()
        socket.send({"type": "complete", "id": "1"})
        await asyncio.wait_for(cancelled.get(), 5)
        assert (await socket.ask(subscribe("2", "mutation { one_add(a: 1, b: 2) }")))["id"] == "2"
        await socket.receive()
        socket.send(subscribe("3", "mutation { one_hang }"))
        await begun.get()
    await asyncio.wait_for(cancelled.get(), 5)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([subscribe("1", "{ _servers }")], 4401),
        ([{"type": "connection_init"}, {"type": "connection_init"}], 4429),
        ([{"type": "connection_init"}, {"type": "nonsense"}], 4400),
        ([{"type": "connection_init"}, "{"], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": 1, "payload": {}}], 4400),
        ([{"type": "connection_init"}, subscribe("1", "mutation { one_hang }"), subscribe("1", "{ _servers }")], 4409),
    ],
)
async def test_connection_is_closed_with_the_code_of_the_protocol(
    make_app: MakeApp, messages: list[Any], code: int
) -> None:
    async def hang() -> int:
        await anyio.sleep_forever()
        return 0

    app = make_app(server_of(hang), graphql=GRAPHQL)
    async with opened(app), connected(app, GRAPHQL, subprotocols=[PROTOCOL]) as socket:
        for message in messages:
            socket.send(message)
        if len(messages) > 1:
            await socket.receive()
        assert await socket.close_code() == code


async def test_other_subprotocols_are_not_accepted(make_app: MakeApp) -> None:
    app = make_app(server_of(add), graphql=GRAPHQL)
    async with opened(app), connected(app, GRAPHQL, subprotocols=["graphql-ws"]) as socket:
        assert await socket.close_code() == 4406


async def test_first_message_authenticates(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(server_of(add), graphql=GRAPHQL, **access.keys(tmp_path))
    async with acknowledged(app, Authorization=access.HEADERS["exact"]["authorization"]) as socket:
        answer = await socket.ask(subscribe("1", "mutation { one_add(a: 1, b: 2) other: one_erase }"))
        assert answer["payload"]["data"] == {"one_add": 3, "other": None}
        assert slugs(answer["payload"]) == ["forbidden"]


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer wrong"}, {"authorization": 1}])
async def test_client_without_a_valid_token_is_refused(
    make_app: MakeApp, tmp_path: Path, payload: dict[str, Any]
) -> None:
    app = make_app(server_of(add), graphql=GRAPHQL, **access.keys(tmp_path))
    async with opened(app), connected(app, GRAPHQL, subprotocols=[PROTOCOL]) as socket:
        socket.send({"type": "connection_init", "payload": payload})
        assert await socket.close_code() == 4403


@pytest.mark.slow
async def test_bounds_of_a_connection(make_app: MakeApp) -> None:
    async def hang() -> int:
        await anyio.sleep_forever()
        return 0

    async with acknowledged(make_app(server_of(hang), graphql=GRAPHQL, max_body=1000)) as socket:
        for number in range(100):
            socket.send(subscribe(str(number), "mutation { one_hang }"))
        answer = await socket.ask(subscribe("100", "mutation { one_hang }"))
        assert (answer["id"], slugs({"errors": answer["payload"]})) == ("100", ["unavailable"])
        answer = await socket.ask({"type": "subscribe", "id": "x", "payload": {"query": 1}})
        assert (answer["id"], slugs({"errors": answer["payload"]})) == ("x", ["unavailable"])
        socket.send("x" * 1001)
        assert await socket.close_code() == 4400


async def test_websocket_is_not_there_if_websockets_are_off(make_app: MakeApp) -> None:
    app = make_app(server_of(add), graphql=GRAPHQL, websocket=False)
    async with opened(app):
        with pytest.raises(Refused):
            async with connected(app, GRAPHQL, subprotocols=[PROTOCOL]):
                raise AssertionError
