"""Disconnects of clients, which cancel their calls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from tests import wire
from tests.clients import open_session
from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def _bounded(anyio_backend: str) -> AsyncIterator[None]:
    with anyio.fail_after(10):
        yield


async def disconnect(client: httpx2.AsyncClient, url: str, body: object, headers: dict[str, str] | None = None) -> None:
    """Calls a tool that never ends, disconnects once it has begun, and returns when it is cancelled."""
    before = await seen(client)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def call() -> None:
                await client.post(url, json=body, headers=headers or {})

            tasks.start_soon(call)
            while (await seen(client))[0] == before[0]:
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    while (await seen(client))[1] == before[1]:
        await anyio.lowlevel.checkpoint()


async def seen(client: httpx2.AsyncClient) -> list[int]:
    answer = await client.post("/moody/mcp/call", json={"tool": "seen"})
    result: list[int] = answer.json()["result"]
    return result


@pytest.mark.parametrize("url", ["/moody/mcp/call", "/call", "/moody/mcp/tools/wait_tool"])
@pytest.mark.slow
async def test_disconnect_cancels_the_tool_of_a_json_call(client: httpx2.AsyncClient, url: str) -> None:
    await disconnect(client, url, {} if "tools/" in url else {"tool": "wait_tool"})


@pytest.mark.parametrize("url", ["/moody/mcp", "/mcp"])
async def test_disconnect_cancels_the_tool_of_a_stateless_native_call(client: httpx2.AsyncClient, url: str) -> None:
    name = "wait_tool" if url != "/mcp" else "moody_wait_tool"
    headers, body = wire.modern("tools/call", name=name, arguments={})
    await disconnect(client, url, body, headers)


@pytest.mark.slow
async def test_disconnected_call_is_recorded_as_cancelled(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(make_app(servers_dir=("tests/routes/servers",))) as client:
        await disconnect(client, "/call", {"tool": "wait_tool"}, {"x-request-id": "the-one-that-left"})
    line = next(line for line in capsys.readouterr().err.splitlines() if "the-one-that-left" in line)
    assert "tool=wait_tool via=call outcome=cancelled" in line


@pytest.mark.slow
async def test_call_in_a_session_is_cancelled_by_a_notification_and_not_by_a_disconnect(
    client: httpx2.AsyncClient,
) -> None:
    headers = await open_session(client, "/moody/mcp")
    before = await seen(client)
    call = wire.request("tools/call", 7, name="wait_tool", arguments={})
    async with client.stream("POST", "/moody/mcp", json=call, headers=headers):
        while (await seen(client))[0] == before[0]:
            await anyio.lowlevel.checkpoint()
    assert (await seen(client))[1] == before[1]
    notification = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    assert (await client.post("/moody/mcp", json=notification, headers=headers)).status_code == 202
    while (await seen(client))[1] == before[1]:
        await anyio.lowlevel.checkpoint()


@pytest.mark.slow
async def test_client_that_stays_connected_gets_the_answer_of_a_slow_tool(client: httpx2.AsyncClient) -> None:
    asked = (await client.post("/moody/mcp/call", json={"tool": "nap_tool", "arguments": {"seconds": 0.15}})).json()
    assert asked == {"result": "rested"}, json.dumps(asked)
