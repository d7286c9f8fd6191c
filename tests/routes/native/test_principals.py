"""Ownership: sessions, their events and waiting calls belong to the principal that began them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel

from tests import wire
from tests.clients import open_session, post
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
Headers = dict[str, str]
ENDPOINTS = ["/one/mcp", "/one/mcp/", "/mcp", "/mcp/"]


class Size(BaseModel):
    size: int


async def add(a: int, b: int) -> int:
    return a + b


async def asks_in_its_body(ctx: Context) -> str:
    return (await ctx.elicit("How big?", Size)).action


async def asks_by_itself(ctx: Context) -> InputRequiredResult | str:
    if ctx.input_responses is None:
        params = ElicitRequestFormParams(message="How big?", requested_schema=Size.model_json_schema())
        return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)}, request_state="mine")
    return f"{ctx.request_state}: {ctx.input_responses['size'].model_dump()['action']}"


@pytest.fixture
def alice(tmp_path: Path) -> Headers:
    return bearer(add_key(tmp_path / "keys.json", "alice", "admin"))


@pytest.fixture
def bob(tmp_path: Path) -> Headers:
    return bearer(add_key(tmp_path / "keys.json", "bob", "admin"))


@pytest.fixture
async def http(
    anyio_backend: str, make_app: MakeApp, tmp_path: Path, alice: Headers, bob: Headers
) -> AsyncIterator[Http]:
    app = make_app(server_of(add, asks_in_its_body, asks_by_itself), auth_keys=str(tmp_path / "keys.json"))
    async with opened(app) as client:
        yield client


@pytest.mark.parametrize("url", ENDPOINTS)
@pytest.mark.slow
async def test_session_is_not_found_for_another_principal(http: Http, url: str, alice: Headers, bob: Headers) -> None:
    session = await open_session(http, url, alice)
    for method in ("POST", "GET", "DELETE"):
        body = wire.request("tools/list") if method == "POST" else None
        answer = await http.request(method, url, json=body, headers={**session, **bob})
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Session not found")
        assert (await http.request(method, url, json=body, headers=session)).status_code == 401
    answer = await http.post(url, json=wire.request("tools/list"), headers={**session, **alice})
    assert len(wire.messages(answer.text)[-1]["result"]["tools"]) == 3
    assert (await http.delete(url, headers={**session, **alice})).status_code == 200


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_events_are_replayed_only_to_the_principal_of_the_session(
    http: Http, url: str, alice: Headers, bob: Headers
) -> None:
    session = await open_session(http, url, alice)
    params: dict[str, Any] = {"name": "add" if url == "/one/mcp" else "one_add", "arguments": {"a": 1, "b": 2}}
    answer = await http.post(url, json=wire.request("tools/call", **params), headers={**session, **alice})
    first = next(line.removeprefix("id: ") for line in answer.text.splitlines() if line.startswith("id: "))

    again = {**session, "last-event-id": first}
    refused = await http.get(url, headers={**again, **bob})
    assert (refused.status_code, refused.json()["error"]["message"]) == (404, "Session not found")
    replayed = await http.get(url, headers={**again, **alice})
    assert wire.messages(replayed.text)[-1]["result"]["structuredContent"] == {"result": 3}


ANSWER: dict[str, Any] = {"action": "accept", "content": {"size": 1}}


@pytest.mark.parametrize(("tool", "result"), [("asks_in_its_body", "accept"), ("asks_by_itself", "mine: accept")])
async def test_waiting_call_continues_only_for_its_principal(
    http: Http, alice: Headers, bob: Headers, tool: str, result: str
) -> None:
    http.headers.update(alice)
    asked = (await post(http, tool)).json()
    body: dict[str, Any] = {"tool": tool, "requestState": asked["requestState"]}
    body["inputResponses"] = dict.fromkeys(asked["inputRequests"], ANSWER)

    refused = await http.post("/one/mcp/call", json=body, headers=bob)
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert (await http.post("/one/mcp/call", json=body)).json() == {"result": result}


@pytest.mark.parametrize(("url", "tool"), [("/one/mcp", "asks_by_itself"), ("/mcp", "one_asks_by_itself")])
async def test_request_state_is_valid_only_for_its_principal(
    http: Http, alice: Headers, bob: Headers, url: str, tool: str
) -> None:
    async def called(who: Headers, **more: Any) -> Any:
        headers, body = wire.modern("tools/call", name=tool, arguments={}, **more)
        meta = body["params"]["_meta"]
        meta["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
        return (await http.post(url, json=body, headers={**headers, **who})).json()

    state = (await called(alice))["result"]["requestState"]
    more = {"requestState": state, "inputResponses": {"size": ANSWER}}
    assert (await called(bob, **more))["error"]["data"] == {"reason": "invalid_request_state"}
    assert (await called(alice, **more))["result"]["structuredContent"] == {"result": "mine: accept"}
