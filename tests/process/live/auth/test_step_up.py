"""Tests that the SDK's OAuth client requests a missing scope after a 403, and succeeds."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from tests.clients import ERAS, Era
from tests.gateway.auth.issuer import Issuer
from tests.process.live.auth.oauth import REDIRECT, Provider, User
from tests.wire import MODERN

pytestmark = pytest.mark.process
BOTH = {"math:add_tool", "math:multiply_tool"}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("path", "prefix"), [("/math/mcp", ""), ("/mcp", "math_")])
def test_sdk_client_requests_the_missing_scope(
    base: str, issuer: Issuer, provider: Provider, era: Era, path: str, prefix: str
) -> None:
    user = User(base + path)
    token = issuer.token("p256", aud=base + path, scope="math:add_tool", client_id="known")
    user.storage.tokens = OAuthToken(access_token=token, scope="math:add_tool", expires_in=60)
    user.storage.client = OAuthClientInformationFull(
        client_id="known",
        redirect_uris=[AnyUrl(REDIRECT)],
        token_endpoint_auth_method="none",
        scope=" ".join(BOTH),
        issuer=issuer.url,
    )

    async def flow() -> None:
        assert user.storage.client is not None
        await provider.register_client(user.storage.client)
        async with (
            httpx2.AsyncClient(auth=user.auth, timeout=30) as http,
            Client(
                streamable_http_client(base + path, http_client=http), mode="legacy" if era == "legacy" else MODERN
            ) as client,
        ):
            assert [tool.name for tool in (await client.list_tools()).tools] == [f"{prefix}add_tool"]
            added = await client.call_tool(f"{prefix}add_tool", {"a": 6, "b": 7})
            assert added.structured_content == {"result": 13}
            assert provider.given == []
            multiplied = await client.call_tool(f"{prefix}multiply_tool", {"a": 6, "b": 7})
            assert multiplied.structured_content == {"result": 42}
        assert user.storage.tokens is not None
        assert {*(user.storage.tokens.scope or "").split()} == BOTH

    anyio.run(flow)
