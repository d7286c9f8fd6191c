"""Opening and ending of one session, and messages in it that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.upstream.http.answers import Message, answer_of, status_failure
from gateway.upstream.http.client import Client
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import SessionLost, StatusFailure
from gateway.upstream.http.messages import BOTH_TYPES, encoded
from gateway.upstream.http.sessions import OpenSession
from gateway.upstream.introduction import CLIENT, identity_of
from gateway.upstream.link import LEGACY, Identity, LinkFailure, Params

T = TypeVar("T")
INITIALIZED = {"method": "notifications/initialized"}
PATIENCE = 5.0
"""Seconds for a message that nobody waits for."""


class Opened:
    """A session in which `version` is spoken. `id` is empty if the server has none."""

    __slots__ = ("id", "lines")

    def __init__(self, name: str, version: str) -> None:
        self.id = name
        named = f"Mcp-Session-Id: {name}\r\n" if name else ""
        self.lines = f"{named}Mcp-Protocol-Version: {version}\r\n".encode("latin-1")


async def open_session(client: Client, number: int, capabilities: Params) -> tuple[Opened, Identity]:
    """Opens the session of a client with these capabilities.

    Raises:
        LinkFailure, and Refusal if the server refuses `initialize`.
    """
    body = encoded({"id": number, "method": "initialize", "params": introduction(capabilities)}, client.limit)
    found, name = await renewing(client, lambda: _initialized(client, number, body))
    identity = introduced(found)
    opened = Opened(name, identity.version)
    await send(client, opened, INITIALIZED)
    return opened, replace(identity, has_sessions=bool(name))


async def renewing(client: Client, send: Callable[[], Awaitable[T]]) -> T:
    """Returns what `send` returns, which is called again if the server refuses a credential that can be renewed.

    Raises:
        LinkFailure, or GatewayError, and as `send` does.
    """
    sent = await client.lines()
    try:
        return await send()
    except StatusFailure as exc:
        if exc.status not in (401, 403) or not await client.renewed(sent, exc.status):
            raise
        return await send()


def introduction(capabilities: Params) -> dict[str, Any]:
    """Returns the parameters of `initialize`."""
    return {"protocolVersion": LEGACY, "capabilities": capabilities, "clientInfo": CLIENT}


def introduced(found: Params) -> Identity:
    """Returns what the result of `initialize` says. Raises LinkFailure if no revision is spoken on both sides."""
    version = found.get("protocolVersion")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS:
        raise LinkFailure("it speaks no revision of the protocol that is spoken here", was_sent=False)
    return identity_of(version, found)


async def _initialized(client: Client, number: int, body: bytes) -> tuple[dict[str, Any], str]:
    """Returns the result of `initialize`, and the id of the session."""
    async with client.post(BOTH_TYPES, body) as connection:
        found = await answer_of(connection, number, _ignore, Events(client.limit))
        return found, connection.headers.get(b"mcp-session-id", b"").decode("latin-1")


async def end_session(client: Client, opened: Opened) -> None:
    """Tells the server that the session is over. It may not want to know."""
    with suppress(LinkFailure, TimeoutError):
        async with asyncio.timeout(PATIENCE), client.delete(opened.lines):
            pass


async def post(client: Client, session: OpenSession, message: Mapping[str, Any]) -> None:
    """Sends a notification, or an answer to the server. If that fails, nothing is lost but the message."""
    with suppress(LinkFailure, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await send(client, session, message)


def check_session(session: OpenSession, connection: Connection) -> None:
    """Raises SessionLost. Some servers answer with 400 instead of 404."""
    if session.id and (
        connection.status == 404 or (connection.status == 400 and b"session" in connection.body[:2000].lower())
    ):
        raise SessionLost


async def send(client: Client, session: OpenSession, message: Mapping[str, Any]) -> None:
    """Raises LinkFailure."""
    body = encoded(message, client.limit)
    async with client.post(BOTH_TYPES + session.lines, body, is_counted=False) as connection:
        check_session(session, connection)
        if (failure := status_failure(connection)) is not None:
            raise failure


async def _ignore(message: Message) -> None:
    """Takes what a server says before it is initialized."""
