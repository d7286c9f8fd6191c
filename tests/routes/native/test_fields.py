"""Header fields of native requests, in every spelling that HTTP allows."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest
from pydantic_core import to_json

from tests import wire
from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
URLS = ["/math/mcp", "/mcp"]
Fields = list[tuple[str, str]]
JSON = ("content-type", "application/json")
BOTH: list[Fields] = [
    [],
    [("accept", "")],
    [("accept", "*/*")],
    [("accept", "application/*, text/*")],
    [("accept", "application/json"), ("accept", "text/event-stream")],
    [("accept", "text/event-stream"), ("accept", "application/json")],
    [("accept", "Application/JSON;q=0.9, TEXT/event-stream ; q=0.1")],
    [("accept", "text/html"), ("accept", "*/*;q=0.8")],
]
JSON_ALONE = [
    "application/json",
    "Application/Json",
    "application/*",
    "*/*, text/event-stream;q=0",
    "application/json;q=1",
]
NEITHER = ["text/html", "application/xml", "application/json;q=0", "*/*;q=0.0", "application/jsonp"]


def modern(method: str, accept: Fields, **params: Any) -> dict[str, Any]:
    """Returns the parts of a request in the stateless era, without other fields `Accept`."""
    headers, body = wire.modern(method, **params)
    return {"json": body, "headers": [*((key, value) for key, value in headers.items() if key != "accept"), *accept]}


def legacy(accept: Fields, session: str = "", body: Any = wire.INITIALIZE) -> dict[str, Any]:
    known = [("mcp-session-id", session), ("mcp-protocol-version", wire.LEGACY)] if session else []
    return {"json": body, "headers": [JSON, *known, *accept]}


async def post(client: httpx2.AsyncClient, url: str, request: dict[str, Any]) -> httpx2.Response:
    """Sends exactly these fields: the client's own `Accept` is left out."""
    prepared = client.build_request("POST", url, **request)
    given = [value for name, value in request["headers"] if name == "accept"]
    raw = [(name, value) for name, value in prepared.headers.raw if name.lower() != b"accept"]
    prepared.headers = httpx2.Headers([*raw, *((b"accept", value.encode()) for value in given)])
    return await client.send(prepared)


@pytest.mark.parametrize("accept", BOTH)
@pytest.mark.parametrize("url", URLS)
async def test_both_types_are_accepted_in_any_spelling(client: httpx2.AsyncClient, url: str, accept: Fields) -> None:
    answer = await post(client, url, modern("tools/list", accept))
    assert (answer.status_code, "tools" in answer.json()["result"]) == (200, True)
    opening = await post(client, url, legacy(accept))
    assert (opening.status_code, opening.headers["content-type"]) == (200, "text/event-stream")
    session = opening.headers["mcp-session-id"]
    listed = await post(client, url, legacy(accept, session, wire.request("tools/list")))
    assert wire.messages(listed.text)[0]["result"]["tools"]


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8", "APPLICATION/JSON ; x=Y"])
@pytest.mark.parametrize("url", URLS)
async def test_content_type_is_read_without_regard_to_case(client: httpx2.AsyncClient, url: str, kind: str) -> None:
    for request in (modern("tools/list", []), legacy([])):
        fields = [field for field in request["headers"] if field[0] != "content-type"]
        answer = await post(client, url, {**request, "headers": [*fields, ("content-type", kind)]})
        assert answer.status_code == 200


@pytest.mark.parametrize("accept", NEITHER)
@pytest.mark.parametrize("url", URLS)
async def test_accept_header_that_excludes_json_is_406(client: httpx2.AsyncClient, url: str, accept: str) -> None:
    for request in (modern("tools/list", [("accept", accept)]), legacy([("accept", accept)])):
        assert (await post(client, url, request)).status_code == 406


@pytest.mark.parametrize("accept", JSON_ALONE)
@pytest.mark.parametrize("url", URLS)
async def test_session_that_is_opened_for_json_alone_is_answered_in_json(
    client: httpx2.AsyncClient, url: str, accept: str
) -> None:
    only = [("accept", accept)]
    opening = await post(client, url, legacy(only))
    assert (opening.status_code, opening.headers["content-type"]) == (200, "application/json")
    assert opening.json()["result"]["protocolVersion"] == wire.LEGACY
    session = opening.headers["mcp-session-id"]
    assert (await post(client, url, legacy(only, session, wire.INITIALIZED))).status_code == 202
    name = "add_tool" if url != "/mcp" else "math_add_tool"
    call = wire.request("tools/call", 7, name=name, arguments={"a": 1, "b": 2})
    answer = await post(client, url, legacy(only, session, call))
    assert (answer.json()["id"], answer.json()["result"]["structuredContent"]) == (7, {"result": 3})


@pytest.mark.parametrize("url", URLS)
async def test_modern_request_for_json_alone_is_answered_in_json(client: httpx2.AsyncClient, url: str) -> None:
    only = [("accept", "application/json")]
    name = "add_tool" if url != "/mcp" else "math_add_tool"
    answer = await post(client, url, modern("tools/call", only, name=name, arguments={"a": 1, "b": 2}))
    assert answer.json()["result"]["structuredContent"] == {"result": 3}
    assert (await post(client, url, modern("subscriptions/listen", only))).status_code == 406


@pytest.mark.slow
async def test_stateless_request_for_json_alone_is_answered_in_json(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),), stateless=True)) as client:
        for url in URLS:
            request = legacy([("accept", "application/json")], body=wire.request("tools/list"))
            answer = await post(client, url, request)
            assert answer.json()["result"]["tools"]
            both = await post(client, url, legacy([], body=wire.request("tools/list")))
            assert wire.messages(both.text)[0]["result"]["tools"]


async def test_tool_that_asks_is_refused_at_once_where_the_answer_is_json(client: httpx2.AsyncClient) -> None:
    only = [("accept", "application/json")]
    asking = {"capabilities": {"elicitation": {}}, "clientInfo": {"name": "test", "version": "1"}}
    opening = {**wire.INITIALIZE, "params": {"protocolVersion": wire.LEGACY, **asking}}
    session = (await post(client, "/moody/mcp", legacy(only, body=opening))).headers["mcp-session-id"]
    await post(client, "/moody/mcp", legacy(only, session, wire.INITIALIZED))
    with anyio.fail_after(5):
        call = wire.request("tools/call", name="ask_tool", arguments={})
        answer = await post(client, "/moody/mcp", legacy(only, session, call))
    assert "no back-channel" in answer.json()["error"]["message"]


@pytest.mark.parametrize("url", URLS)
async def test_byte_order_mark_is_read_over(client: httpx2.AsyncClient, url: str) -> None:
    for request in (modern("tools/list", []), legacy([])):
        content = b"\xef\xbb\xbf" + to_json(request["json"])
        answer = await post(client, url, {"content": content, "headers": [JSON, *request["headers"]]})
        assert answer.status_code == 200


@pytest.mark.parametrize("url", URLS)
async def test_encoded_body_is_415_with_what_is_accepted(client: httpx2.AsyncClient, url: str) -> None:
    for request in (modern("tools/list", []), legacy([])):
        answer = await post(client, url, {**request, "headers": [*request["headers"], ("content-encoding", "gzip")]})
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
