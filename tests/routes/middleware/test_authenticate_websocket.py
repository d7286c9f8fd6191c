"""Who may open a WebSocket: asked before the handshake by header or subprotocol, or else by what serves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.api_keys import Keyring
from gateway.auth.authenticator import Authenticator
from gateway.auth.failures import Failures
from gateway.caller import Caller, caller
from routes.middleware.authenticate import Authenticate
from routes.middleware.metadata import Metadata
from tests.keys import add_key

pytestmark = pytest.mark.anyio


class Socket:
    """What would serve it, and what it saw."""

    def __init__(self, keys: Path, failures: int = 20) -> None:
        self.caller: Caller | None = None
        self.scope: Scope = {}
        self.refused: list[str] = []
        authenticator = Authenticator([Keyring(keys)], Failures(failures))
        self.app = Authenticate(self._serve, authenticator, Metadata("", ""), self.refused.append)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.caller, self.scope = caller.get(), scope

    async def open(self, *headers: tuple[bytes, bytes], extensions: Any = None) -> list[Message]:
        """What is sent instead of serving it."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        offered = b", ".join(value for name, value in headers if name == b"sec-websocket-protocol")
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": "/one/mcp/ws",
            "root_path": "",
            "headers": [(b"host", b"localhost:8000"), *headers],
            "subprotocols": offered.decode().split(", "),
            "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
        }
        await self.app(scope, receive, send)
        return sent


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(keys: Path) -> str:
    return add_key(keys, "ci", "one:*")


async def test_a_credential_is_taken_from_each_place(keys: Path, key: str) -> None:
    socket = Socket(keys)
    for header in (
        (b"authorization", f"Bearer {key}".encode()),
        (b"x-api-key", key.encode()),
        (b"sec-websocket-protocol", f"multi-mcp, bearer.{key}".encode()),
    ):
        assert await socket.open(header) == []
        assert socket.caller is not None
        assert socket.caller.name == "key:ci"
        assert socket.scope["user"] is socket.caller.user
        assert key not in repr(socket.scope)


async def test_without_one_it_is_a_strangers_who_may_nothing(keys: Path, key: str) -> None:
    socket = Socket(keys)
    assert await socket.open((b"sec-websocket-protocol", b"multi-mcp")) == []
    assert socket.caller is not None
    assert (socket.caller.name, socket.caller.is_unknown, "user" in socket.scope) == (None, True, False)
    assert socket.scope["subprotocols"] == ["multi-mcp"]


async def test_a_wrong_one_is_refused_before_the_handshake(keys: Path, key: str) -> None:
    socket = Socket(keys)
    for header in ((b"authorization", b"Bearer x"), (b"sec-websocket-protocol", b"multi-mcp, bearer.x")):
        start, body = await socket.open(header)
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
        challenge = dict(start["headers"])[b"www-authenticate"].decode()
        assert challenge.endswith('="http://localhost:8000/.well-known/oauth-protected-resource/one/mcp"')
        assert json.loads(body["body"])["type"] == "urn:multi-mcp:error:unauthenticated"
    assert socket.caller is None
    assert socket.refused == ["unauthenticated"] * 2


async def test_several_are_refused(keys: Path, key: str) -> None:
    both = (b"authorization", f"Bearer {key}".encode()), (b"sec-websocket-protocol", f"bearer.{key}".encode())
    start, _ = await Socket(keys).open(*both)
    assert start["status"] == 400


async def test_too_many_wrong_ones_are_refused_as_over_http(keys: Path, key: str) -> None:
    socket = Socket(keys, failures=1)
    await socket.open((b"x-api-key", b"x"))
    start, _ = await socket.open((b"x-api-key", key.encode()))
    assert (start["status"], b"retry-after" in dict(start["headers"])) == (429, True)


async def test_where_the_server_can_send_no_answer_it_is_closed(keys: Path, key: str) -> None:
    sent = await Socket(keys).open((b"x-api-key", b"x"), extensions={})
    assert sent == [{"type": "websocket.close", "code": 1008}]
