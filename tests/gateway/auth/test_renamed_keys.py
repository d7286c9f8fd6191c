"""Tests of a new key that has the name of a revoked one: it is another principal, though the log shows one name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

from gateway.auth.api_key_file import KeyFile
from tests import wire
from tests.clients import open_session, post
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient


class Size(BaseModel):
    size: int


async def ask(ctx: Context) -> str:
    return (await ctx.elicit("How big?", Size)).action


async def who() -> list[str | None]:
    token = get_access_token()
    assert token is not None
    return [token.client_id, token.subject]


class Keys:
    """A key file in which one name passes from a key to another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.old = bearer(add_key(path, "ci", "admin"))
        self.new = self.old

    async def replace(self, http: Http) -> None:
        """Revokes the key, creates another of its name, and waits until the router has read the file."""
        self.path.write_text(KeyFile(keys=[]).model_dump_json())
        self.new = bearer(add_key(self.path, "ci", "admin"))
        while (await http.get("/tools", headers=self.new)).status_code != 200:
            await asyncio.sleep(0.02)
        assert (await http.get("/tools", headers=self.old)).status_code == 401


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
async def http(anyio_backend: str, make_app: MakeApp, keys: Keys) -> AsyncIterator[Http]:
    ran = 0

    async def count() -> int:
        nonlocal ran
        ran += 1
        return ran

    server: MCPServer[None] = MCPServer("one")
    server.add_tool(count, meta={"cache": {"ttl": 60}})
    server.add_tool(ask)
    app = make_app(server, auth_keys=str(keys.path), rate_limit="one:count=2/hour")
    async with opened(app) as client:
        yield client


async def test_new_key_of_a_revoked_ones_name_inherits_nothing(http: Http, keys: Keys) -> None:
    http.headers.update(keys.old)
    assert [(await post(http, "count")).status_code for _ in range(3)] == [200, 200, 429]
    sessions = {url: await open_session(http, url) for url in ("/one/mcp", "/mcp")}
    asked = (await post(http, "ask")).json()
    await keys.replace(http)
    http.headers.update(keys.new)
    answer = await post(http, "count")
    assert answer.json() == {"result": 2}, "neither refused nor cached"
    for url, session in sessions.items():
        assert (await http.post(url, json=wire.request("ping"), headers=session)).status_code == 404
    answers = {name: {"action": "decline"} for name in asked["inputRequests"]}
    body = {"tool": "ask", "requestState": asked["requestState"], "inputResponses": answers}
    assert (await http.post("/one/mcp/call", json=body)).status_code == 400


async def test_log_shows_the_name_of_a_key_and_its_tool_sees_the_id_too(
    capsys: pytest.CaptureFixture[str], make_app: MakeApp, keys: Keys
) -> None:
    key_id = keys.old["authorization"].removeprefix("Bearer mcp_")[:8]
    async with opened(make_app(server_of(who), auth_keys=str(keys.path))) as http:
        http.headers.update(keys.old)
        assert (await post(http, "who")).json() == {"result": ["key:ci", key_id]}
    assert " caller=key:ci\n" in capsys.readouterr().err
