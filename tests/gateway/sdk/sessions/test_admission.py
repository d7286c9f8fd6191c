"""Sessions and streams: who may open them, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.client.auth.utils import extract_scope_from_www_auth

from tests import wire
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.sdk.sessions.opening import ENDPOINTS, add, initialize, listening, listens, one, refused, sessions_of
from tests.matrix.principals import GREEDY, principals
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("url", "scope"), [("/one/mcp", "one:*"), ("/mcp", "*:*")])
@pytest.mark.slow
async def test_caller_who_may_use_nothing_of_a_server_opens_nothing_there(
    make_app: MakeApp, tmp_path: Path, url: str, scope: str
) -> None:
    app = make_app(one(), **principals(tmp_path, "two:*", "one:subtract"))
    async with opened(app) as http:
        answer = await initialize(http, url, GREEDY)
        assert (answer.status_code, refused(answer)) == (403, {"type": "forbidden", "scope": scope})
        assert extract_scope_from_www_auth(answer) == scope
        async with listening(http, url, GREEDY) as first:
            assert (first["error"]["code"], first["error"]["data"]) == (-32000, {"type": "forbidden", "scope": scope})
        assert sessions_of(app) == 0


@pytest.mark.slow
async def test_caller_who_may_use_one_server_opens_sessions_there_and_over_all(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with opened(make_app(one(), server_of(add, name="two"), **principals(tmp_path, "one:add"))) as http:
        assert [(await initialize(http, url, GREEDY)).status_code for url in ("/one/mcp", "/mcp", "/two/mcp")] == [
            200,
            200,
            403,
        ]
        assert await listens(http, "/mcp", GREEDY)


async def test_router_without_servers_can_be_asked(make_app: MakeApp, tmp_path: Path) -> None:
    async with opened(make_app(servers_dir=(str(tmp_path),), **principals(tmp_path))) as http:
        assert (await initialize(http, "/mcp", GREEDY)).status_code == 200


@pytest.mark.parametrize("stateless", [False, True])
@pytest.mark.parametrize("url", ENDPOINTS)
@pytest.mark.slow
async def test_openings_are_rate_limited_apart_from_calls(make_app: MakeApp, url: str, stateless: bool) -> None:
    async with opened(make_app(one(), rate_limit="2/hour", stateless=stateless)) as http:
        for _ in range(2):
            assert (await initialize(http, url)).status_code == 200
        answer = await initialize(http, url)
        data = refused(answer)
        assert (answer.status_code, data["type"]) == (429, "rate-limited")
        assert answer.headers["ratelimit"] == f'"default";r=0;t={data["retryAfter"]}'
        assert not await listens(http, url)
        for _ in range(2):
            assert (await http.post("/one/mcp/call", json={"tool": "add", "arguments": {"a": 1, "b": 2}})).is_success
        assert (await post(http, "add")).status_code == 429


@pytest.mark.slow
async def test_listen_streams_are_rate_limited_by_the_rule_of_their_server(make_app: MakeApp) -> None:
    app = make_app(one(), server_of(add, name="two"), rate_limit="1/hour; one:*=2/hour")
    async with opened(app) as http:
        heard = {url: [await listens(http, url) for _ in range(3)] for url in ("/one/mcp", "/two/mcp", "/mcp")}
    assert heard == {"/one/mcp": [True, True, False], "/two/mcp": [True, False, False], "/mcp": [False] * 3}


@pytest.mark.slow
async def test_stateless_initialize_needs_a_scope_and_other_requests_open_nothing(
    make_app: MakeApp, tmp_path: Path
) -> None:
    async with opened(make_app(one(), stateless=True, **principals(tmp_path, "two:*"))) as http:
        assert (await initialize(http, "/one/mcp", GREEDY)).status_code == 403
        listed = await http.post("/one/mcp", json=wire.request("tools/list"), headers={**wire.BOTH_TYPES, **GREEDY})
        assert wire.messages(listed.text)[0]["result"]["tools"] == []
        odd = await http.post("/one/mcp", content=b"initialize", headers={**wire.BOTH_TYPES, **GREEDY})
        assert odd.status_code == 400
