"""Content of a WebSocket's frames. The connection stays open whatever a frame contains."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.call import ToolResult
from routes.websocket.frames import MAX_ID_NUMBER, report_frame, result_frame
from tests.conftest import MakeApp
from tests.routes.websocket.sockets import Seen, server, slug, talking

pytestmark = pytest.mark.anyio
ADD = {"tool": "add", "arguments": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b"", "invalid-request"),
        (b'{"id": 1, "tool": "add"}', "invalid-request"),
        ("", "invalid-request"),
        ("{", "invalid-request"),
        ("[]", "invalid-request"),
        ("null", "invalid-request"),
        ('{"id": NaN}', "invalid-request"),
        ('{"id": "\\ud800"}', "invalid-request"),
        ("[" * 5000, "invalid-request"),
        ("{}", "invalid-request"),
        ("x" * 201, "too-large"),
        ("ä" * 101, "too-large"),
    ],
)
async def test_frame_without_a_readable_id_gets_a_problem_with_a_null_id(
    make_app: MakeApp, frame: str | bytes, kind: str
) -> None:
    limit = 200 if kind == "too-large" else 100_000
    async with talking(make_app(server(Seen()), max_body=limit)) as socket:
        refused = await socket.ask(frame)
        assert (refused["id"], slug(refused)) == (None, kind)
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}


async def test_byte_order_mark_of_a_frame_is_read_over(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        answer = await socket.ask('\ufeff{"id": 1, "tool": "add", "arguments": {"a": 1, "b": 2}}')
    assert answer == {"id": 1, "result": 3}


async def test_frame_of_exactly_the_limit_is_accepted(make_app: MakeApp) -> None:
    frame = '{"id":"ä","tool":"add","arguments":{"a":1,"b":2}}'
    async with talking(make_app(server(Seen()), max_body=len(frame.encode()))) as socket:
        assert await socket.ask(frame) == {"id": "ä", "result": 3}
        assert slug(await socket.ask(frame + " ")) == "too-large"


@pytest.mark.parametrize("id_", [0, -1, MAX_ID_NUMBER, -MAX_ID_NUMBER, "", "a b", "ä" * 128, '"\n'])
async def test_answer_has_the_id_of_the_call(make_app: MakeApp, id_: Any) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        assert await socket.ask({"id": id_, **ADD}) == {"id": id_, "result": 3}
        assert (await socket.ask({"id": id_, "tool": "nothing"}))["id"] == id_


async def test_call_without_an_id_is_answered_without_one(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        assert await socket.ask(ADD) == {"result": 3}
        assert await socket.ask({"tool": "size", "arguments": {"size": 2}}) == {"result": {"size": 2}}
        refused = await socket.ask({"tool": "refuse", "arguments": {"reason": "no"}})
        assert (refused["id"], slug(refused)) == (None, "tool-error")
        assert await socket.ask({"token": "any"}) == {"result": {"caller": None}}


async def test_second_call_without_an_id_is_refused_while_the_first_is_in_flight(make_app: MakeApp) -> None:
    seen = Seen()
    async with talking(make_app(server(seen))) as socket:
        socket.send({"tool": "wait"})
        await seen.until(began=1)
        refused = await socket.ask(ADD)
        assert "A call without an `id` is in flight on this connection." in refused["error"]["detail"]
        assert await socket.ask({"id": 1, **ADD}) == {"id": 1, "result": 3}
        assert slug(await socket.ask({"cancel": True})) == "cancelled"
        assert await socket.ask(ADD) == {"result": 3}


@pytest.mark.parametrize(
    "id_", [None, True, 1.0, 1.5, [], {}, "x" * 129, MAX_ID_NUMBER + 1, -MAX_ID_NUMBER - 1, 10**400]
)
async def test_id_of_another_type_or_size_is_refused(make_app: MakeApp, id_: Any) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        refused = await socket.ask({"id": id_, **ADD})
        assert (refused["id"], slug(refused)) == (None, "invalid-request")
        assert "`id` must be" in refused["error"]["detail"]


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({}, "`tool` is missing"),
        ({"tool": 1}, "`tool` must be a string"),
        ({"tool": "add", "arguments": []}, "`arguments` must be an object"),
        ({"tool": "add", "arguments": "{"}, "The text in `arguments` is not JSON"),
        ({"tool": "add", "requestState": 1}, "`requestState` must be a string"),
        ({"tool": "add", "inputResponses": 1}, "`inputResponses` must be an object"),
        ({"cancel": 1}, "`cancel` must be true"),
        ({"cancel": False, **ADD}, "`cancel` must be true"),
    ],
)
async def test_invalid_field_is_named(make_app: MakeApp, fields: dict[str, Any], part: str) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        refused = await socket.ask({"id": "a", **fields})
        assert (refused["id"], slug(refused)) == ("a", "invalid-request")
        assert part in refused["error"]["detail"]


async def test_arguments_may_be_json_in_a_string(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        assert await socket.ask({"id": 1, "tool": "add", "arguments": '{"a": 1, "b": 2}'}) == {"id": 1, "result": 3}
        assert slug(await socket.ask({"id": 2, "tool": "add", "arguments": ""})) == "invalid-arguments"


async def test_last_of_duplicate_keys_wins(make_app: MakeApp) -> None:
    async with talking(make_app(server(Seen()))) as socket:
        frame = '{"id": 1, "id": 2, "tool": "add", "arguments": {"a": 1, "a": 5, "b": 2}}'
        assert await socket.ask(frame) == {"id": 2, "result": 7}


def test_result_is_unwrapped_if_the_output_schema_wraps_it() -> None:
    assert result_frame(1, ToolResult(b'{"result":42}')) == b'{"id":1,"result":42}'
    assert result_frame("x", ToolResult(b'{"size":1}', wrapped=False)) == b'{"id":"x","result":{"size":1}}'


def test_report_replaces_a_number_that_json_cannot_carry() -> None:
    assert report_frame(1, "progress", {"progress": float("nan")}) == b'{"id":1,"progress":{"progress":null}}'
