"""Numbers and texts that JSON cannot carry, though Python's parsers read them, are refused on every way in."""

from __future__ import annotations

import json

import pytest

from tests import sockets, wire
from tests.clients import open_session
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def echo(value):  # type: ignore[no-untyped-def]
    return value


BODY = '{"id": 1, "server": "one", "tool": "echo", "arguments": {"value": VALUE}}'
BAD_ARGUMENTS = ("1e400", "-1e999", '{"a": [1e400]}', "NaN", "-Infinity", r'"\udce9"', r'{"\ud800": 1}')


@pytest.mark.parametrize("url", ["/one/mcp/call", "/call"])
async def test_arguments_that_json_cannot_carry_are_refused(make_app: MakeApp, url: str) -> None:
    async with opened(make_app(server_of(echo))) as http:
        for value in BAD_ARGUMENTS:
            body = BODY.replace("VALUE", value)
            answer = await http.post(url, content=body, headers=wire.BOTH_TYPES)
            assert (value, answer.status_code, answer.json()["type"]) == (
                value,
                400,
                "urn:multi-mcp:error:invalid-request",
            )


async def test_frame_with_arguments_that_json_cannot_carry_is_refused(make_app: MakeApp) -> None:
    async with sockets.connected(make_app(server_of(echo)), "/one/mcp/ws") as socket:
        for value in BAD_ARGUMENTS:
            socket.send(BODY.replace("VALUE", value))
            frame = await socket.receive()
            assert (value, frame["error"]["type"]) == (value, "urn:multi-mcp:error:invalid-request")


@pytest.mark.parametrize(("url", "tool"), [("/one/mcp", "echo"), ("/mcp", "one_echo")])
@pytest.mark.slow
async def test_native_arguments_that_json_cannot_carry_are_refused(make_app: MakeApp, url: str, tool: str) -> None:
    async with opened(make_app(server_of(echo))) as http:
        session = await open_session(http, url)
        for value in BAD_ARGUMENTS:
            headers, message = wire.modern("tools/call", name=tool, arguments={"value": "VALUE"})
            body = json.dumps(message).replace('"VALUE"', value)
            answer = await http.post(url, content=body, headers=headers)
            assert (value, answer.status_code, answer.json()["error"]["code"]) == (value, 400, -32602)
            assert answer.json()["error"]["data"] == {"type": "invalid-request"}
            message = wire.request("tools/call", name=tool, arguments={"value": "VALUE"})
            body = json.dumps(message).replace('"VALUE"', value)
            answer = await http.post(url, content=body, headers=session)
            if answer.status_code == 200:  # the transport reads it
                assert wire.messages(answer.text)[-1]["error"]["data"] == {"type": "invalid-request"}
            else:
                assert answer.status_code == 400
        body = json.dumps(wire.request("tools/call", name=tool, arguments={"value": 1}))
        answer = await http.post(url, content=body, headers=session)
        assert wire.messages(answer.text)[-1]["result"]["content"] == [{"type": "text", "text": "1"}]
