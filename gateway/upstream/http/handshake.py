"""Opening and ending of one session, and messages in it that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.upstream.http.answers import Message, answer_of, status_failure
from gateway.upstream.http.client import Client
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.events import Events
from gateway.upstream.http.failures import SessionLost, StatusFailure
from gateway.upstream.http.messages import BOTH_TYPES, encoded
from gateway.upstream.http.sessions import Opened
from gateway.upstream.introduction import CLIENT, identity_of
from gateway.upstream.link import LEGACY, Identity, LinkFailure, Params

PATIENCE = 5.0
"""Seconds for a message that nobody waits for."""


async def open_session(client: Client, number: int, capabilities: Params) -> tuple[Opened, Identity]:
    """Opens the session of a client with these capabilities.

    Raises:
        LinkFailure, and Refusal if the server refuses `initialize`.
    """
    params = {"protocolVersion": LEGACY, "capabilities": capabilities, "clientInfo": CLIENT}
    body = encoded({"id": number, "method": "initialize", "params": params}, client.limit)
    sent = await client.lines()
    try:
        found, name = await _initialized(client, number, body)
    except StatusFailure as exc:
        if exc.status not in (401, 403) or not await client.renewed(sent, exc.status):
            raise
        found, name = await _initialized(client, number, body)
    version = found.get("protocolVersion")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS:
        raise LinkFailure("it speaks no revision of the protocol that is spoken here", was_sent=False)
    opened = Opened(name, version)
    await _post(client, opened, {"method": "notifications/initialized"})
    return opened, identity_of(version, found)


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


async def post(client: Client, opened: Opened, message: Mapping[str, Any]) -> None:
    """Sends a notification, or an answer to the server. If that fails, nothing is lost but the message."""
    with suppress(LinkFailure, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await _post(client, opened, message)


def check_session(opened: Opened, connection: Connection) -> None:
    """Raises SessionLost. Some servers answer with 400 instead of 404."""
    if opened.id and (
        connection.status == 404 or (connection.status == 400 and b"session" in connection.body[:2000].lower())
    ):
        raise SessionLost


async def _post(client: Client, opened: Opened, message: Mapping[str, Any]) -> None:
    body = encoded(message, client.limit)
    async with client.post(BOTH_TYPES + opened.lines, body, is_counted=False) as connection:
        check_session(opened, connection)
        if (failure := status_failure(connection)) is not None:
            raise failure


async def _ignore(message: Message) -> None:
    """Takes what a server says before it is initialized."""
