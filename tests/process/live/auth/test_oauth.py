"""Tests of the router as a process with the SDK's OAuth client and the SDK's authorization server."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.process.live.auth.oauth import Provider, User

pytestmark = pytest.mark.process


async def product(url: str, user: User, tool: str) -> object:
    """Returns six times seven, as computed by the server."""
    async with (
        httpx2.AsyncClient(auth=user.auth, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode="legacy") as client,
    ):
        found = await client.call_tool(tool, {"a": 6, "b": 7})
    assert found.structured_content is not None
    return found.structured_content["result"]


@pytest.mark.parametrize(("path", "tool"), [("/math/mcp", "multiply_tool"), ("/mcp", "math_multiply_tool")])
def test_sdk_client_logs_in_after_a_401_calls_a_tool_and_refreshes_its_token(
    base: str, provider: Provider, path: str, tool: str
) -> None:
    user = User(base + path)

    async def flow() -> None:
        assert await product(base + path, user, tool) == 42
        assert provider.resources == [base + path]
        assert user.storage.tokens is not None
        assert user.storage.tokens.scope == ("math:*" if path == "/math/mcp" else "*:*")
        user.auth.context.token_expiry_time = 1.0  # long past
        assert await product(base + path, user, tool) == 42
        assert len(set(provider.given)) == 2
        assert user.storage.tokens.access_token == provider.given[1]

    anyio.run(flow)


def test_token_for_one_server_is_refused_by_another(base: str, provider: Provider) -> None:
    user = User(f"{base}/math/mcp")

    async def flow() -> list[int]:
        await product(f"{base}/math/mcp", user, "multiply_tool")
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {provider.given[0]}"}) as http:
            calls = {"math": {"tool": "add", "arguments": {"a": 1, "b": 2}}, "echo": {"tool": "echo", "arguments": {}}}
            return [(await http.post(f"{base}/{name}/mcp/call", json=call)).status_code for name, call in calls.items()]

    assert anyio.run(flow) == [200, 403]
