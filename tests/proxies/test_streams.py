"""Streams through each proxy: events arrive as they are sent, and a silent stream stays open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from websockets.exceptions import InvalidMessage
from websockets.sync.client import ClientConnection, connect

from tests import wire
from tests.clients import ERAS, Era
from tests.process.live.router import Router
from tests.proxies.conftest import Behind
from tests.proxies.proxy import Proxy

pytestmark = [pytest.mark.proxies, pytest.mark.anyio]
EVENTS = {"content-type": "application/json", "accept": "text/event-stream"}
IDLE = 23
"""Seconds without an event of its own."""
TIMEOUT = "21s"
"""Shorter than that; longer than the 15 s between comments, and the 20 s between the pings of a WebSocket."""
SHORT = {
    "nginx": {"proxy_read_timeout 75s": f"proxy_read_timeout {TIMEOUT}"},
    "haproxy": {f"timeout {what} 75s": f"timeout {what} {TIMEOUT}" for what in ("client", "server", "tunnel")},
}


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that lets a tool take one step for each of its bytes."""
    (tmp_path / "gate").touch()
    return tmp_path / "gate"


def open_gate(gate: Path) -> None:
    with gate.open("a") as file:
        file.write(".")


def close_gate(gate: Path) -> None:
    gate.write_text("")


@contextmanager
def streaming(proxy: Proxy, path: str, headers: dict[str, str], message: Any) -> Iterator[HTTPResponse]:
    connection = proxy.connection()
    connection.request("POST", path, json.dumps(message), headers)
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def next_event(stream: HTTPResponse) -> tuple[str, Any]:
    """Returns the name and the data of the next event."""
    lines: list[str] = []
    while line := stream.readline().decode():
        if line.strip() and not line.startswith(":"):
            lines.append(line.rstrip())
        elif lines and not line.strip():
            break
    assert lines, "the stream ended without an event"
    return lines[0].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_each_event_of_a_call_arrives_before_the_next_is_made(proxy: Proxy, gate: Path) -> None:
    call = {"tool": "steps", "arguments": {"count": 5, "gate": str(gate)}}
    with streaming(proxy, "/gated/mcp/call", EVENTS, call) as stream:
        for step in range(1, 6):
            name, data = next_event(stream)
            assert (name, data["progress"]) == ("progress", step)
            open_gate(gate)
        assert next_event(stream) == ("result", {"result": "done"})


@pytest.mark.parametrize("era", ERAS)
async def test_mcp_client_hears_each_step_before_the_next_is_made(proxy: Proxy, gate: Path, era: Era) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)
        open_gate(gate)

    async with httpx2.AsyncClient(verify=proxy.context, timeout=60) as http:
        for path in ("/gated/mcp", "/router/gated/mcp"):
            transport = streamable_http_client(proxy.url + path, http_client=http)
            async with Client(transport, mode="legacy" if era == "legacy" else wire.MODERN) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == ["steps_tool"]
                arguments = {"count": 3, "gate": str(gate)}
                result = await client.call_tool("steps_tool", arguments, progress_callback=hear)
                assert result.structured_content == {"result": "done"}
            close_gate(gate)
    assert heard == [1, 2, 3] * 2


def test_stream_of_changes_is_acknowledged_at_once(proxy: Proxy) -> None:
    """Many times: Caddy lost one in 30 whose answer began before it had seen the end of the body."""
    headers, body = wire.modern("subscriptions/listen", notifications={"toolsListChanged": True})
    for _ in range(150):
        with streaming(proxy, "/math/mcp", headers, body) as stream:
            assert "acknowledged" in next_event(stream)[1]["method"]


def socket_through(proxy: Proxy, path: str) -> ClientConnection:
    """Returns an open WebSocket. HAProxy 2.6 now and then leaves a handshake that it never passes on."""
    for attempts_left in (2, 1, 0):
        try:
            url = proxy.url.replace("https", "wss") + path
            return connect(url, ssl=proxy.context, max_size=None, open_timeout=5)
        except (TimeoutError, InvalidMessage):
            if not attempts_left:
                raise
    raise AssertionError("unreachable")


def test_websocket_carries_calls_and_large_frames(proxy: Proxy) -> None:
    for path in ("/ws", "/router/ws"):
        with socket_through(proxy, path) as client:
            for number, length in enumerate((1, 1024 * 1024)):
                arguments = {"message": "x" * length}
                client.send(json.dumps({"id": number, "server": "echo", "tool": "echo", "arguments": arguments}))
                assert json.loads(client.recv(timeout=20))["result"] == "x" * length


def test_silent_stream_and_socket_outlive_the_timeout_of_the_proxy(behind: Behind, router: Router) -> None:
    call = {"tool": "wait", "arguments": {"seconds": IDLE}}

    def stream(proxy: Proxy) -> Any:
        with streaming(proxy, "/slow/mcp/call", EVENTS, call) as answer:
            return next_event(answer)

    def legacy(proxy: Proxy) -> Any:
        headers, body = wire.modern("tools/call", name="wait_tool", arguments={"seconds": IDLE})
        with streaming(proxy, "/slow/mcp", headers, body) as answer:
            return wire.messages(answer.read().decode())[-1]["result"]["structuredContent"]

    def websocket(proxy: Proxy) -> Any:
        with connect(proxy.url.replace("https", "wss") + "/ws", ssl=proxy.context) as client:
            client.send(json.dumps({"id": 1, "server": "slow", **call}))
            return json.loads(client.recv(timeout=60))["result"]

    proxies = [behind(name, router, changes) for name, changes in SHORT.items()]
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(way, proxy) for proxy in proxies for way in (stream, legacy, websocket)]
        expected = [("result", {"result": "waited"}), {"result": "waited"}, "waited"]
        assert [one.result() for one in found] == expected * len(proxies)
