"""Sends arbitrary frames over a WebSocket. Each is answered, never with a 5xx, and the connection stays open."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection

from tests.fuzz.serving import Tools, serving, tools_of
from tests.fuzz.test_hypothesis import bounded, values
from tests.process.echoing import HANDSHAKE
from tests.process.live.router import Router
from tests.process.live.sockets import connected

pytestmark = pytest.mark.fuzz

KEYS = ["id", "tool", "arguments", "server", "cancel", "token", "requestState", "inputResponses", "result", "error"]


@dataclass
class Target:
    """One connection for all examples, and the server, name and argument names of each tool."""

    router: Router
    client: ClientConnection
    tools: Tools
    numbers: Iterator[int]

    def send(self, frame: str | bytes) -> None:
        """Sends a frame and then a call, which must be answered. No answer until then may be a 5xx."""
        number = f"last-{next(self.numbers)}"
        self.client.send(frame)
        self.client.send(json.dumps({"id": number, "tool": "math_add_tool", "arguments": {"a": 1, "b": 2}}))
        while (answer := json.loads(self.client.recv(timeout=20))).get("id") != number:
            assert answer.get("error", {}).get("status", 200) < 500 or is_overloaded(answer), answer
        assert answer["result"] == 3


def is_overloaded(answer: Any) -> bool:
    """True if too many slow calls are in flight, which is an allowed answer."""
    return bool(answer["error"]["type"] == "urn:multi-mcp:error:unavailable")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("router")
    with (
        serving(folder, MCP_INPUT_TIMEOUT="0.1", MCP_CALL_TIMEOUT="15") as router,
        # Pings draw random numbers in a thread, which Hypothesis would attribute to the test.
        connected(router, ping_interval=None) as client,
    ):
        yield Target(router, client, tools_of(router), count())


@bounded
@given(frame=st.binary() | st.text(st.characters(codec="utf-8")))
def test_any_frame_is_answered(target: Target, frame: str | bytes) -> None:
    target.send(frame)


@bounded
@given(data=st.data())
def test_any_json_is_answered(target: Target, data: st.DataObject) -> None:
    tools = st.sampled_from([name for _, name, _ in target.tools])
    frame = data.draw(values | st.dictionaries(st.sampled_from(KEYS), values | tools | st.just("odd") | st.just(1)))
    target.send(json.dumps(frame))


@bounded
@given(data=st.data())
def test_any_arguments_are_answered(target: Target, data: st.DataObject) -> None:
    server, tool, names = data.draw(st.sampled_from(target.tools))
    name = st.sampled_from(names) | st.text() if names else st.text()
    arguments = data.draw(st.dictionaries(name, values, max_size=5))
    id_ = data.draw(st.text(st.characters(codec="utf-8"), max_size=128) | st.integers(-(2**53) + 1, 2**53 - 1))
    target.send(json.dumps({"id": id_, "server": server, "tool": tool, "arguments": arguments}))


@bounded
@given(data=st.binary(min_size=1))
def test_any_bytes_after_the_handshake_harm_no_other_connection(target: Target, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", target.router.port), timeout=20) as client:
        client.sendall(HANDSHAKE.replace(b"GET /", b"GET /ws"))
        assert b" 101 " in client.recv(4096)
        client.sendall(data)
    target.send("{}")
