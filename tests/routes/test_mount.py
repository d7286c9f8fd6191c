"""What stands under a server's name: its native MCP endpoint in both spellings, and the JSON endpoints beside it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests import wire
from tests.routes.native.session import open_session

pytestmark = pytest.mark.anyio

BOTH_SPELLINGS = ["/math/mcp", "/math/mcp/"]
EVERY_ENDPOINT = [*BOTH_SPELLINGS, "/mcp", "/mcp/"]
ADD: dict[str, Any] = {"name": "add_tool", "arguments": {"a": 1, "b": 2}}


@pytest.mark.parametrize("url", EVERY_ENDPOINT)
async def test_both_spellings_answer_a_session_without_a_redirect(client: httpx2.AsyncClient, url: str) -> None:
    session = await open_session(client, url)
    name = "add_tool" if url.startswith("/math") else "math_add_tool"
    call = wire.request("tools/call", name=name, arguments=ADD["arguments"])
    answer = await client.post(url, json=call, headers=wire.in_session(session))
    assert answer.status_code == 200
    assert wire.messages(answer.text)[0]["result"]["structuredContent"] == {"result": 3}
    assert (await client.delete(url, headers=wire.in_session(session))).status_code == 200


@pytest.mark.parametrize("url", BOTH_SPELLINGS)
async def test_both_spellings_answer_the_stateless_era(client: httpx2.AsyncClient, url: str) -> None:
    headers, call = wire.modern("tools/call", **ADD)
    answer = await client.post(url, json=call, headers=headers)
    assert (answer.status_code, answer.json()["result"]["structuredContent"]) == (200, {"result": 3})
    assert "mcp-session-id" not in answer.headers


async def test_a_session_of_one_spelling_goes_on_in_the_other(client: httpx2.AsyncClient) -> None:
    session = await open_session(client, "/math/mcp")
    answer = await client.post("/math/mcp/", json=wire.request("tools/list"), headers=wire.in_session(session))
    assert len(wire.messages(answer.text)[0]["result"]["tools"]) == 2


@pytest.mark.parametrize("url", ["/mcp/tools", "/mcp/call", "/mcp/health", "/mcp/tools/add_tool"])
async def test_a_json_url_with_a_slash_at_its_end_is_404_and_no_redirect(client: httpx2.AsyncClient, url: str) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, f"/math{url}/", json={})
        assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize("url", ["/tools/", "/call/", "/health/", "/math", "/math/", "//", "/math//mcp", "/math/mcp//"])
async def test_no_url_redirects(client: httpx2.AsyncClient, url: str) -> None:
    assert (await client.get(f"http://localhost{url}")).status_code == 404
