"""Health of one server, and of all servers."""

from __future__ import annotations

import httpx2
import pytest

from tests import wire
from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_health_of_a_server_has_its_status_and_counts(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/math/mcp/health")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["server"], found["tools"], found["sessions"]) == ("ok", "math", 2, 0)


async def test_health_of_all_servers_has_each_one_and_the_sums(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/health")).json()
    assert (found["status"], [server["server"] for server in found["servers"]]) == ("ok", ["echo", "math", "moody"])
    assert found["tools"] == sum(server["tools"] for server in found["servers"])
    for server in found["servers"]:
        assert server == (await client.get(f"/{server['server']}/mcp/health")).json()


@pytest.mark.slow
async def test_open_sessions_are_counted_per_server_and_in_total(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),))) as client:
        opening = [
            await client.post(url, json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
            for url in ("/math/mcp", "/math/mcp/", "/echo/mcp", "/mcp")
        ]
        assert (await client.get("/math/mcp/health")).json()["sessions"] == 2
        assert (await client.get("/echo/mcp/health")).json()["sessions"] == 1
        assert (await client.get("/health")).json()["sessions"] == 4
        await client.delete("/math/mcp", headers=wire.in_session(opening[0].headers["mcp-session-id"]))
        assert (await client.get("/math/mcp/health")).json()["sessions"] == 1
        assert (await client.get("/health")).json()["sessions"] == 3


@pytest.mark.parametrize("url", ["/health", "/math/mcp/health"])
async def test_health_answers_head_requests(client: httpx2.AsyncClient, url: str) -> None:
    assert (await client.head(url)).status_code == 200
    assert (await client.post(url)).headers["allow"] == "GET, HEAD"
