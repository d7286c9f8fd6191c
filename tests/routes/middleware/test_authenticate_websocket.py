"""Authentication of WebSockets: by header or subprotocol before the handshake, otherwise by the endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.api_keys import Keyring
from gateway.auth.authenticator import Authenticator
from gateway.caller import Caller, caller
from routes.middleware.authenticate import Authenticate
from routes.middleware.metadata import Metadata

pytestmark = pytest.mark.anyio


class Socket:
    """An endpoint behind the middleware. It stores the `caller` and `scope` that it receives."""

    def __init__(self, keys: Path) -> None:
        self.caller: Caller | None = None
        self.scope: Scope = {}
        self.refused: list[str] = []
        authenticator = Authenticator([Keyring(keys)])
        self.app = Authenticate(self._serve, authenticator, Metadata("", ""), self.refused.append)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.caller, self.scope = caller.get(), scope

    async def open(self, *headers: tuple[bytes, bytes], extensions: Any = None) -> list[Message]:
        """Opens a connection and returns the messages that the middleware sent itself."""
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


async def test_credential_is_accepted_in_header_or_subprotocol_and_hidden(keys: Path, key: str) -> None:
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


async def test_connection_without_credential_is_anonymous(keys: Path, key: str) -> None:
    socket = Socket(keys)
    assert await socket.open((b"sec-websocket-protocol", b"multi-mcp")) == []
    assert socket.caller is not None
    assert (socket.caller.name, socket.caller.is_anonymous, "user" in socket.scope) == (None, True, False)
    assert socket.scope["subprotocols"] == ["multi-mcp"]


async def test_wrong_credential_is_refused_before_the_handshake(keys: Path, key: str) -> None:
    socket = Socket(keys)
    for header in ((b"authorization", b"Bearer x"), (b"sec-websocket-protocol", b"multi-mcp, bearer.x")):
        start, body = await socket.open(header)
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
        challenge = dict(start["headers"])[b"www-authenticate"].decode()
        assert challenge.endswith('="http://localhost:8000/.well-known/oauth-protected-resource/one/mcp"')
        assert json.loads(body["body"])["type"] == "urn:multi-mcp:error:unauthenticated"
    assert socket.caller is None
    assert socket.refused == ["unauthenticated"] * 2


async def test_two_credentials_are_refused(keys: Path, key: str) -> None:
    both = (b"authorization", f"Bearer {key}".encode()), (b"sec-websocket-protocol", f"bearer.{key}".encode())
    start, _ = await Socket(keys).open(*both)
    assert start["status"] == 400


async def test_connection_is_closed_if_the_server_cannot_send_an_http_response(keys: Path, key: str) -> None:
    sent = await Socket(keys).open((b"x-api-key", b"x"), extensions={})
    assert sent == [{"type": "websocket.close", "code": 1008}]
