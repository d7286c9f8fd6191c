"""Typed entries of the ASGI scope that one file of the router writes and another reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from starlette.types import Scope

from gateway.call import ToolCall
from gateway.caller import Caller
from gateway.server import Server

T = TypeVar("T")

Proof = Callable[[], Awaitable[Caller]]
"""Verifies the handshake's credential again and returns its caller. Raises GatewayError."""


class Challenges(Protocol):
    """Knows the URL of the OAuth metadata for the resource that a request addresses."""

    def url_for(self, scope: Scope) -> str: ...


class Key(Generic[T]):
    """One entry of the scope. The hot path uses `scope[key.name]`, without the call of a method."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = f"multi_mcp.{name}"  # a prefix, because the scope is shared with the server and other middleware

    def set(self, scope: Scope, value: T) -> None:
        scope[self.name] = value

    def get(self, scope: Scope) -> T | None:
        value: T | None = scope.get(self.name)
        return value

    def of(self, scope: Scope) -> T:
        """Returns a value that is always set where it is read."""
        value: T = scope[self.name]
        return value

    def pop(self, scope: Scope) -> T | None:
        """Returns the value and removes it from the scope."""
        value: T | None = scope.pop(self.name, None)
        return value


CALL = Key[ToolCall]("call")
"""The tool call that a request makes. Problem documents name its server and tool."""

SERVER = Key[Server]("server")
"""The server that the first segment of the path names. The router sets it for the routes under `/{server}`."""

STREAM = Key[bool]("stream")
"""True if the client accepts an event stream and no JSON."""

IDEMPOTENCY = Key[str]("idempotency")
"""The key of a call that must run once."""

VERSION = Key[str]("version")
"""The version of the tool that the header of a request asks for."""

METADATA = Key[Challenges]("metadata")
"""Present if authentication is on. A refusal names the metadata URL in `WWW-Authenticate`."""

PROOF = Key[Proof]("proof")
"""Present on a WebSocket whose handshake had a credential, and with `OUTLIVES`. Its reader removes it."""

OUTLIVES = Key[bool]("outlives")
"""Present on a request whose answer may outlive its credential: it gets a `PROOF`."""

LOGIN = Key[Callable[[], str]]("login")
"""Present on a request that begins a login: the credential that it stands for, behind a function, as in `PROOF`."""

FRAME_LIMIT = Key[Callable[[int], None]]("frame_limit")
"""Sets the size in bytes above which the server closes a WebSocket with 1009. Only our own server offers it."""


UNIX_PEER = "unix"


def peer_of(scope: Scope) -> str:
    """Returns the address of the connection, which is that of a proxy if there is one.

    It is `unix` on a Unix socket, and empty if it is unknown, as after a reset.
    """
    client, server = scope.get("client"), scope.get("server")
    if client:
        address: str = client[0]
        return address
    return UNIX_PEER if server and server[1] is None else ""


def root_path_of(scope: Scope) -> str:
    """The prefix of the application, such as `/tools`; empty if it has none."""
    # Starlette's mounts append their own path to `root_path` and store the application's prefix in `app_root_path`.
    root: str = scope.get("app_root_path", scope.get("root_path", ""))
    return root
