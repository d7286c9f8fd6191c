"""One call on a WebSocket always has exactly one last frame."""

from __future__ import annotations

import asyncio

import pytest

from routes.websocket.call import SocketCall
from routes.websocket.outgoing import Outgoing
from tests.calls import Broken, make_call
from tests.conftest import MakeApp
from tests.routes.websocket.sockets import Seen, server, slug, talking
from tests.sockets import Socket

pytestmark = pytest.mark.anyio


async def test_result_is_the_value_that_the_function_returned(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        assert await socket.ask({"id": 1, "tool": "size", "arguments": {"size": 5}}) == {"id": 1, "result": {"size": 5}}


async def test_reports_of_a_tool_are_sent_before_its_result(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        socket.send({"id": "a", "tool": "steps", "arguments": {"count": 2}})
        assert [await socket.receive() for _ in range(3)] == [
            {"id": "a", "progress": {"progress": 1, "total": 2}},
            {"id": "a", "progress": {"progress": 2, "total": 2}},
            {"id": "a", "result": "done"},
        ]


@pytest.mark.parametrize(
    ("tool", "arguments", "kind", "status"),
    [
        ("nothing", {}, "unknown-tool", 404),
        ("add", {"a": 1}, "invalid-arguments", 422),
        ("refuse", {"reason": "no"}, "tool-error", 422),
        ("crash", {"secret": "hidden"}, "tool-crashed", 500),
    ],
)
async def test_failed_call_is_answered_by_a_problem_document(
    make_app: MakeApp, tool: str, arguments: dict[str, object], kind: str, status: int
) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        failed = await socket.ask({"id": 7, "tool": tool, "arguments": arguments})
        assert ({*failed}, failed["id"], slug(failed)) == ({"id", "error"}, 7, kind)
        problem = failed["error"]
        assert (problem["status"], problem["server"], problem["tool"]) == (status, "one", tool)
        assert "hidden" not in str(failed)


async def test_tool_that_asks_for_input_goes_on_with_a_frame_of_answers(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        asked = await socket.ask({"id": 1, "tool": "asks"})
        assert {*asked} == {"id", "inputRequests", "requestState"}
        ((key, question),) = asked["inputRequests"].items()
        assert question["params"]["message"] == "How big?"
        more = {"requestState": asked["requestState"], "inputResponses": {key: {"action": "decline"}}}
        assert await socket.ask({"id": 1, "tool": "asks", **more}) == {"id": 1, "result": "decline"}
        assert slug(await socket.ask({"id": 2, "tool": "asks", **more})) == "invalid-request"


async def test_cancelled_call_is_answered_and_its_tool_is_cancelled(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        socket.send({"id": 1, "tool": "wait"})
        await seen.until(began=1)
        cancelled = await socket.ask({"id": 1, "cancel": True})
        assert (cancelled["id"], slug(cancelled), cancelled["error"]["status"]) == (1, "cancelled", 499)
        assert (seen.began, seen.cancelled) == (1, 1)
        assert await socket.ask({"id": 1, "tool": "add", "arguments": {"a": 1, "b": 1}}) == {"id": 1, "result": 2}


async def test_call_cancelled_before_it_began_is_answered(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        socket.send({"id": 1, "tool": "wait"})
        socket.send({"id": 1, "cancel": True})
        socket.send({"id": 1, "cancel": True})
        assert slug(await socket.receive()) == "cancelled"
        assert await socket.ask({"id": 2, "tool": "add", "arguments": {"a": 1, "b": 1}}) == {"id": 2, "result": 2}


async def test_cancelling_a_call_that_is_not_in_flight_does_nothing(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        socket.send({"id": "unknown", "cancel": True})
        assert await socket.ask({"id": 1, "tool": "add", "arguments": {"a": 1, "b": 1}}) == {"id": 1, "result": 2}
        socket.send({"id": 1, "cancel": True})
        assert await socket.ask({"id": 2, "tool": "add", "arguments": {"a": 1, "b": 1}}) == {"id": 2, "result": 2}


async def test_no_report_follows_the_last_frame(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        frames = [await socket.ask({"id": 1, "tool": "leaves_a_task"})]
        await asyncio.wait(seen.late)
        frames.append(await socket.ask({"id": 2, "tool": "add", "arguments": {"a": 1, "b": 1}}))
        assert frames in (
            [{"id": 1, "result": None}, {"id": 2, "result": 2}],
            [{"id": 1, "progress": {"progress": 1}}, {"id": 1, "result": None}],
        )


async def test_tool_can_read_the_headers_of_the_handshake(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen())), headers=[(b"x-team", b"red")]) as socket:
        asked = {"id": 1, "tool": "header", "arguments": {"name": "x-team"}}
        assert await socket.ask(asked) == {"id": 1, "result": "red"}


async def test_bug_of_the_router_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    socket, finished = Socket(), list[object]()
    call = make_call("any", via="ws")
    outgoing = Outgoing(socket.send_to_server, lambda: None)
    await SocketCall(1, Broken(), call, outgoing, finished.append).task
    failed = await socket.receive()
    assert (slug(failed), finished) == ("internal-error", [1])
    assert "hidden" not in str(failed)
    assert "hidden" in caplog.text
