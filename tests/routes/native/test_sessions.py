"""Rules of native MCP at each endpoint: sessions, their limits, and requests that break a rule, in both eras."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest

from tests import wire
from tests.clients import open_session, open_sessions
from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio

EVERY_ENDPOINT = ["/math/mcp", "/math/mcp/", "/mcp", "/mcp/"]
ADD: dict[str, Any] = {"name": "add_tool", "arguments": {"a": 1, "b": 2}}
BATCH = [wire.request("tools/list", 1), wire.request("tools/list", 2)]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.slow
async def test_session_of_one_server_is_404_on_another(client: httpx2.AsyncClient, method: str) -> None:
    session = await open_session(client, "/math/mcp")
    for url in ("/echo/mcp", "/mcp"):
        body = wire.request("tools/list") if method == "POST" else None
        answer = await client.request(method, url, json=body, headers=session)
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Session not found")


@pytest.mark.parametrize("url", EVERY_ENDPOINT)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("session", ["unknown", "a" * 5000, "../math"])
async def test_unknown_session_is_404(client: httpx2.AsyncClient, url: str, method: str, session: str) -> None:
    body = wire.request("tools/list") if method == "POST" else None
    answer = await client.request(method, url, json=body, headers=wire.in_session(session))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, -32600)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_request_without_a_session_is_400_and_opens_none(client: httpx2.AsyncClient, method: str) -> None:
    before = await open_sessions(client)
    body = wire.request("tools/list") if method == "POST" else None
    answer = await client.request(method, "/math/mcp", json=body, headers=wire.BOTH_TYPES)
    assert (answer.status_code, await open_sessions(client)) == (400, before)


async def test_batch_is_400_in_both_eras(client: httpx2.AsyncClient) -> None:
    session = await open_session(client, "/math/mcp")
    headers, body = wire.modern("tools/list")
    assert (await client.post("/math/mcp", json=BATCH, headers=session)).status_code == 400
    assert (await client.post("/math/mcp", json=[body, body], headers=headers)).status_code == 400


async def test_unknown_protocol_version_is_400_with_the_supported_ones(client: httpx2.AsyncClient) -> None:
    headers, body = wire.modern("tools/list")
    body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2199-01-01"
    answer = await client.post("/math/mcp", json=body, headers={**headers, "mcp-protocol-version": "2199-01-01"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32022)
    assert wire.MODERN in error["data"]["supported"]
    session = await open_session(client, "/math/mcp")
    headers = {**session, "mcp-protocol-version": "nonsense"}
    assert (await client.post("/math/mcp", json=wire.request("tools/list"), headers=headers)).status_code == 400


@pytest.mark.parametrize("changed", [{"mcp-method": None}, {"mcp-method": "tools/list"}, {"mcp-name": None}])
async def test_headers_that_do_not_match_the_body_are_400(
    client: httpx2.AsyncClient, changed: dict[str, str | None]
) -> None:
    headers, body = wire.modern("tools/call", **ADD)
    sent = {name: value for name, value in (headers | changed).items() if value is not None}
    answer = await client.post("/math/mcp", json=body, headers=sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"accept": "application/json"}, 406), ({"accept": "text/html"}, 406), ({"content-type": "text/plain"}, 400)],
)
async def test_wrong_accept_or_content_type_in_a_session_is_refused(
    client: httpx2.AsyncClient, changed: dict[str, str], status: int
) -> None:
    session = await open_session(client, "/math/mcp")
    headers = session | changed
    assert (await client.post("/math/mcp", json=wire.request("tools/list"), headers=headers)).status_code == status


async def test_accept_header_of_any_type_is_accepted(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/math/mcp", json=wire.INITIALIZE, headers={"accept": "*/*"})
    assert answer.status_code == 200


@pytest.mark.parametrize("url", EVERY_ENDPOINT)
async def test_body_over_the_limit_is_413(client: httpx2.AsyncClient, url: str) -> None:
    for headers in (wire.BOTH_TYPES, wire.modern("tools/list")[0]):
        assert (await client.post(url, content=b"x" * 10_001, headers=headers)).status_code == 413


async def test_delete_ends_the_session(client: httpx2.AsyncClient) -> None:
    before = await open_sessions(client)
    session = await open_session(client, "/math/mcp")
    assert await open_sessions(client) == before + 1
    assert (await client.delete("/math/mcp", headers=session)).status_code == 200
    assert await open_sessions(client) == before
    for method in ("POST", "GET", "DELETE"):
        answer = await client.request(method, "/math/mcp", headers=session)
        assert answer.status_code == 404


@pytest.mark.slow
async def test_session_beyond_the_limit_is_503_until_another_ends(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),), max_sessions=2)) as client:
        first, _ = [await open_session(client, "/math/mcp") for _ in range(2)]
        answer = await client.post("/math/mcp", json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
        assert answer.status_code == 503
        assert (await client.post("/echo/mcp", json=wire.INITIALIZE, headers=wire.BOTH_TYPES)).status_code == 200
        headers, body = wire.modern("tools/list")
        assert (await client.post("/math/mcp", json=body, headers=headers)).status_code == 200
        await client.delete("/math/mcp", headers=first)
        assert (await client.post("/math/mcp", json=wire.INITIALIZE, headers=wire.BOTH_TYPES)).status_code == 200


@pytest.mark.slow
async def test_idle_session_ends(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),), session_idle_timeout=0.1)
    async with opened(app) as client:
        idle = [await open_session(client, url) for url in ("/math/mcp", "/mcp")]
        with anyio.fail_after(5):
            while await open_sessions(client):
                await anyio.sleep(0.02)
        answer = await client.post("/math/mcp", json=wire.request("tools/list"), headers=idle[0])
        assert answer.status_code == 404


@pytest.mark.slow
async def test_open_stream_prevents_the_idle_timeout(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),), session_idle_timeout=0.1)
    async with opened(app) as client:
        session = await open_session(client, "/math/mcp")
        async with client.stream("GET", "/math/mcp", headers=session) as stream:
            assert stream.status_code == 200
            await anyio.sleep(0.3)
            assert await open_sessions(client) == 1
        with anyio.fail_after(5):
            while await open_sessions(client):
                await anyio.sleep(0.02)


@pytest.mark.slow
async def test_stateless_endpoint_refuses_streams_and_answers_single_requests(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),), stateless=True)) as client:
        for url in EVERY_ENDPOINT:
            answer = await client.get(url, headers=wire.BOTH_TYPES)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
            opening = await client.post(url, json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
            assert (opening.status_code, "mcp-session-id" in opening.headers) == (200, False)
        listed = await client.post("/math/mcp", json=wire.request("tools/list"), headers=wire.BOTH_TYPES)
        assert len(wire.messages(listed.text)[0]["result"]["tools"]) == 2
        assert await open_sessions(client) == 0
