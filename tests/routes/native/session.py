"""A legacy session of an in-process client."""

from __future__ import annotations

import httpx2

from tests import wire


async def open_session(client: httpx2.AsyncClient, url: str) -> str:
    """Its id, when both sides have agreed."""
    answer = await client.post(url, json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
    assert wire.messages(answer.text)[0]["result"]["protocolVersion"] == wire.LEGACY
    session: str = answer.headers["mcp-session-id"]
    assert (await client.post(url, json=wire.INITIALIZED, headers=wire.in_session(session))).status_code == 202
    return session


async def sessions(client: httpx2.AsyncClient) -> int:
    """How many are open, over all servers."""
    count: int = (await client.get("/health")).json()["sessions"]
    return count
