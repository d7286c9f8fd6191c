"""Tests that sessions and waiting calls belong to one subject of one client, and not to a key of the same name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from tests import wire
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.auth.issuer import Issuer
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient
CLIENT = "the-app"


class Size(BaseModel):
    size: int


async def ask(ctx: Context) -> str:
    return (await ctx.elicit("How big?", Size)).action


@pytest.fixture
def key(tmp_path: Path) -> dict[str, str]:
    return bearer(add_key(tmp_path / "keys.json", "ann", "admin"))


@pytest.fixture
async def http(
    anyio_backend: str, make_app: MakeApp, tmp_path: Path, key: dict[str, str], settings: dict[str, Any]
) -> AsyncIterator[Http]:
    async with opened(make_app(server_of(ask), auth_keys=str(tmp_path / "keys.json"), **settings)) as client:
        yield client


@pytest.fixture
def others(issuer: Issuer, key: dict[str, str]) -> list[dict[str, str]]:
    """Headers of callers that differ in the subject, the client, or the kind of credential."""
    other_subject = issuer.token(sub="bob", client_id=CLIENT)
    other_client = issuer.token(sub="ann", client_id="other-app")
    return [bearer(other_subject), bearer(other_client), key]


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_session_belongs_to_one_subject_of_one_client(
    http: Http, issuer: Issuer, others: list[dict[str, str]], url: str
) -> None:
    first, renewed = (bearer(issuer.token(sub="ann", client_id=CLIENT, jti=number)) for number in "12")
    opening = await http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **first})
    session = wire.in_session(opening.headers["mcp-session-id"])
    for headers in others:
        for method in ("POST", "GET", "DELETE"):
            body = wire.request("ping") if method == "POST" else None
            assert (await http.request(method, url, json=body, headers={**session, **headers})).status_code == 404
    answer = await http.post(url, json=wire.request("ping"), headers={**session, **renewed})
    assert (answer.status_code, wire.messages(answer.text)[-1]["result"]) == (200, {})


async def test_waiting_call_belongs_to_one_subject(http: Http, issuer: Issuer, others: list[dict[str, str]]) -> None:
    http.headers.update(bearer(issuer.token(sub="ann", client_id=CLIENT)))
    asked = (await post(http, "ask")).json()
    answers = {name: {"action": "decline"} for name in asked["inputRequests"]}
    body = {"tool": "ask", "requestState": asked["requestState"], "inputResponses": answers}
    for headers in (others[0], others[2]):
        assert (await http.post("/one/mcp/call", json=body, headers=headers)).status_code == 400
    assert (await http.post("/one/mcp/call", json=body)).json() == {"result": "decline"}
