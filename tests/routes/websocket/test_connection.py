"""One open WebSocket: concurrent calls, limits, idle time, and clients that do not read."""

from __future__ import annotations

import anyio
import pytest

from tests.conftest import MakeApp
from tests.limited import websocket_app
from tests.routes.websocket.sockets import Seen, server, slug, talking
from tests.sockets import connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
ADD = {"tool": "add", "arguments": {"a": 1, "b": 2}}


async def test_answers_are_sent_in_the_order_in_which_calls_finish(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        socket.send({"id": 1, "tool": "wait"})
        socket.send({"id": 2, **ADD})
        assert await socket.receive() == {"id": 2, "result": 3}
        socket.send({"id": 3, **ADD})
        assert await socket.receive() == {"id": 3, "result": 3}
        seen.go_on.set()
        assert await socket.receive() == {"id": 1, "result": "went on"}


@pytest.mark.slow
async def test_each_of_many_concurrent_calls_is_answered_once() -> None:
    async with talking(websocket_app(server(Seen()), in_flight=500)) as socket:
        for number in range(500):
            socket.send({"id": number, "tool": "add", "arguments": {"a": number, "b": 1}})
        answers = [await socket.receive() for _ in range(500)]
        assert sorted(answer["id"] for answer in answers) == [*range(500)]
        assert all(answer["result"] == answer["id"] + 1 for answer in answers)


async def test_id_of_a_call_in_flight_is_refused_and_that_call_goes_on(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        socket.send({"id": 1, "tool": "wait"})
        refused = await socket.ask({"id": 1, **ADD})
        assert (refused["id"], slug(refused)) == (1, "invalid-request")
        assert await socket.ask({"id": "1", **ADD}) == {"id": "1", "result": 3}  # a string is another id than a number
        seen.go_on.set()
        assert await socket.receive() == {"id": 1, "result": "went on"}
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_calls_above_the_limit_are_refused_and_the_connection_stays_open() -> None:
    seen = Seen()
    async with talking(websocket_app(server(seen), in_flight=2)) as socket:
        socket.send({"id": 1, "tool": "wait"})
        socket.send({"id": 2, "tool": "wait"})
        refused = await socket.ask({"id": 3, **ADD})
        assert (refused["id"], slug(refused), refused["error"]["retryAfter"]) == (3, "unavailable", 1)
        assert slug(await socket.ask({"id": 2, "cancel": True})) == "cancelled"
        assert await socket.ask({"id": 3, **ADD}) == {"id": 3, "result": 3}


async def test_call_limit_of_the_router_holds_over_all_connections(make_app: MakeApp) -> None:
    seen, app = Seen(), None
    app = make_app(server(seen), max_calls=1)
    async with opened(app), connected(app, "/ws") as one, connected(app, "/ws") as other:
        one.send({"id": 1, "tool": "wait"})
        await seen.until(began=1)
        assert slug(await other.ask({"id": 1, **ADD})) == "unavailable"
        seen.go_on.set()


async def test_disconnecting_cancels_the_calls_in_flight(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    seen = Seen()
    app = make_app(server(seen))
    async with opened(app):
        async with connected(app, "/one/mcp/ws", [(b"x-request-id", b"mine")]) as socket:
            socket.send({"id": 1, "tool": "wait"})
            socket.send({"id": 2, "tool": "wait"})
            await seen.until(began=2)
            socket.disconnect()
            await seen.until(cancelled=2)
        assert socket.closed is None
    log = capsys.readouterr().err
    assert "request_id=mine-1 server=one tool=wait via=ws outcome=cancelled" in log
    assert "request_id=mine-2 server=one tool=wait via=ws outcome=cancelled" in log


async def test_each_frame_has_its_own_request_id_and_its_problem_names_it(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen())), headers=[(b"x-request-id", b"mine")]) as socket:
        assert (b"x-request-id", b"mine") in socket.accepted["headers"]
        refused = [await socket.ask({"id": 1, "tool": "nothing"}), await socket.ask("nonsense")]
        assert [frame["error"]["requestId"] for frame in refused] == ["mine-1", "mine-2"]


@pytest.mark.slow
async def test_idle_connection_is_closed_and_one_with_a_call_is_not() -> None:
    seen = Seen()
    app = websocket_app(server(seen), idle=0.05)
    async with opened(app), connected(app, "/ws") as busy:
        busy.send({"id": 1, "tool": "wait"})
        async with connected(app, "/ws") as idle:
            assert await idle.close_code() == 4408
            assert idle.closed == (4408, "No frame and no call for 0.05 seconds.")
        async with connected(app, "/ws") as further:
            assert await further.close_code() == 4408
        seen.go_on.set()
        assert await busy.receive() == {"id": 1, "result": "went on"}
        assert await busy.close_code() == 4408


@pytest.mark.slow
async def test_flood_of_frames_does_not_block_other_connections(make_app: MakeApp) -> None:
    app = make_app(server(Seen()))
    async with opened(app), connected(app, "/ws") as flood, connected(app, "/ws") as other:
        for _ in range(1000):
            flood.send("nonsense")
        assert await other.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}
        for _ in range(1000):
            assert slug(await flood.receive()) == "invalid-request"


@pytest.mark.slow
async def test_client_that_does_not_read_slows_the_tool_down(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        socket.reads.clear()
        socket.send({"id": 1, "tool": "steps", "arguments": {"count": 1000}})
        await anyio.wait_all_tasks_blocked()
        assert socket._from_app.empty()
        socket.reads.set()
        assert [(await socket.receive())["progress"]["progress"] for _ in range(1000)] == [*range(1, 1001)]
        assert (await socket.receive())["result"] == "done"


@pytest.mark.slow
async def test_no_further_call_begins_while_the_client_does_not_read(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        socket.reads.clear()
        socket.send({"id": 1, **ADD})
        await anyio.wait_all_tasks_blocked()
        socket.send({"id": 2, "tool": "wait"})
        await anyio.wait_all_tasks_blocked()
        assert seen.began == 0
        socket.reads.set()
        assert await socket.receive() == {"id": 1, "result": 3}
        await seen.until(began=1)
