"""Native MCP endpoints of one server and of all servers, with and without a trailing slash."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from routes.native.endpoint import NativeEndpoint
from tests import wire
from tests.clients import open_session

pytestmark = pytest.mark.anyio
OF_SERVER = ["/math/mcp", "/math/mcp/"]
ALL = [*OF_SERVER, "/mcp", "/mcp/"]
ADD: dict[str, Any] = {"name": "add_tool", "arguments": {"a": 1, "b": 2}}
PLAIN = [(b"mcp-name", b"add tool"), (b"accept", b"application/json, text/event-stream")]


@pytest.mark.parametrize("url", ALL)
@pytest.mark.slow
async def test_session_works_with_and_without_a_trailing_slash(client: httpx2.AsyncClient, url: str) -> None:
    session = await open_session(client, url)
    name = "add_tool" if url.startswith("/math") else "math_add_tool"
    call = wire.request("tools/call", name=name, arguments=ADD["arguments"])
    answer = await client.post(url, json=call, headers=session)
    assert answer.status_code == 200
    assert wire.messages(answer.text)[0]["result"]["structuredContent"] == {"result": 3}
    assert (await client.delete(url, headers=session)).status_code == 200


@pytest.mark.parametrize("url", OF_SERVER)
async def test_stateless_request_works_with_and_without_a_trailing_slash(client: httpx2.AsyncClient, url: str) -> None:
    headers, call = wire.modern("tools/call", **ADD)
    answer = await client.post(url, json=call, headers=headers)
    assert (answer.status_code, answer.json()["result"]["structuredContent"]) == (200, {"result": 3})
    assert "mcp-session-id" not in answer.headers


async def test_session_continues_at_the_url_with_a_trailing_slash(client: httpx2.AsyncClient) -> None:
    session = await open_session(client, "/math/mcp")
    answer = await client.post("/math/mcp/", json=wire.request("tools/list"), headers=session)
    assert len(wire.messages(answer.text)[0]["result"]["tools"]) == 2


@pytest.mark.parametrize("headers", [PLAIN, [(b"mcp-name", b"add tool \t"), PLAIN[1]]])
async def test_trailing_white_space_of_header_values_is_removed(headers: list[tuple[bytes, bytes]]) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    await NativeEndpoint(app)({"type": "http", "headers": headers}, receive, send)
    assert seen == PLAIN


@pytest.mark.parametrize(
    "body", ["{", "[]", "5", '{"jsonrpc": "1.0"}', '{"SECRET": 1}', '[{"jsonrpc": "2.0", "SECRET": 1}]']
)
@pytest.mark.parametrize("url", ALL)
async def test_malformed_message_is_refused_without_the_text_of_an_exception(
    client: httpx2.AsyncClient, url: str, body: str
) -> None:
    for more in ({}, {"mcp-protocol-version": wire.MODERN}):
        headers = {**wire.BOTH_TYPES, "content-type": "application/json", **more}
        answer = await client.post(url, content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.headers["content-length"] == str(len(answer.content))
        text = answer.json()["error"]["message"]
        assert not any(word in text for word in ("SECRET", "pydantic", "column", "\n")), text
