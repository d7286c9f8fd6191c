"""The stamps of protocol eras and endpoints are stripped from a result; the server's own metadata stays."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import SERVER_INFO_META_KEY, CallToolResult, TextContent

from gateway.sdk.internals import low_level
from gateway.sdk.wire import encode_success, strip_server_stamp
from tests import wire
from tests.clients import ERAS, Era, open_session, post
from tests.conftest import MakeApp
from tests.gateway.cache.cached import Counting
from tests.transport import opened

pytestmark = pytest.mark.anyio
SERVER = low_level(MCPServer("one", version="1"))
STAMP = {SERVER_INFO_META_KEY: SERVER.server_info_stamp}
TEXT = {"type": "text", "text": "said"}


@pytest.mark.parametrize(
    ("result", "bare"),
    [
        ({"content": [TEXT], "_meta": {**STAMP}}, {"content": [TEXT]}),
        ({"content": [TEXT], "_meta": {**STAMP, "own": 1}}, {"content": [TEXT], "_meta": {"own": 1}}),
        ({"content": [], "_meta": {SERVER_INFO_META_KEY: 1}}, {"content": [], "_meta": {SERVER_INFO_META_KEY: 1}}),
        ({"content": [], "_meta": 5}, {"content": [], "_meta": 5}),
        (None, {}),
    ],
)
def test_server_stamp_is_stripped(result: Any, bare: Any) -> None:
    assert strip_server_stamp(SERVER, result) == bare


def test_stripping_does_not_change_the_original() -> None:
    result = {"content": [], "_meta": {**STAMP}}
    strip_server_stamp(SERVER, result)
    assert result == {"content": [], "_meta": STAMP}


def test_sdk_model_is_dumped_as_on_the_wire() -> None:
    result = CallToolResult(content=[TextContent(type="text", text="said")], structured_content={"a": None})
    bare = {"content": [TEXT], "structuredContent": {"a": None}, "isError": False, "resultType": "complete"}
    assert strip_server_stamp(SERVER, result) == bare


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"content": [TEXT]}, b'{"content":[{"type":"text","text":"said"}]}'),
        ({"content": [], "resultType": "complete"}, b'{"content":[],"resultType":"complete"}'),
        (
            {"content": [], "structuredContent": {"n": float("nan")}},
            b'{"content":[],"structuredContent":{"n":null}}',
        ),
        ({"content": [TEXT], "isError": True}, b""),
        ({"resultType": "input_required", "requestState": "later"}, b""),
        ({"content": [], "resultType": "example/task"}, b""),
        ({}, b""),
        ({"content": [{"type": "text", "text": "\ud800"}]}, b""),
    ],
)
def test_only_a_plain_success_is_encoded(result: Any, text: bytes) -> None:
    assert encode_success(result) == text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_malformed_call_is_refused_although_a_result_is_cached(make_app: MakeApp, era: Era, url: str) -> None:
    async with opened(make_app(Counting().server)) as http:
        told = []
        for tool in ("mine", "plain"):  # the first is cached, the second is not
            assert (await post(http, tool)).status_code == 200
            name = tool if url == "/one/mcp" else f"one_{tool}"
            headers, body = wire.modern("tools/call", name=name, arguments="none")
            if era == "legacy":
                headers = await open_session(http, url)
                body = wire.request("tools/call", name=name, arguments="none")
            answer = await http.post(url, json=body, headers=headers)
            is_stream = answer.headers["content-type"].startswith("text/event-stream")
            told.append(wire.messages(answer.text)[-1] if is_stream else answer.json())
    assert told[0] == told[1]
    assert told[0]["error"]["code"] == -32602
