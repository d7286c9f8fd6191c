"""Routes: weights that stay with a caller, and a new version that is stopped because it fails."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.caller import Caller
from gateway.errors import LoadError
from gateway.versions.routing import Routing
from tests import wire
from tests.clients import open_session, post
from tests.conftest import MakeApp
from tests.gateway.versions.searching import searching
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
VERSIONS = ("3.0.0", "2.4.0", "2.0.0")
META = "dev.multi-mcp/version"


def test_weights_split_callers() -> None:
    route = Routing("one:search=2:90,3:10").of("one", "search")
    assert route is not None
    got = Counter(route.choose(VERSIONS, Caller(address=str(number))) for number in range(10_000))
    assert got.keys() == {0, 1}  # of 2, the highest
    assert abs(got[0] - 1000) < 100


def test_caller_stays_with_a_version_while_it_gets_more_weight() -> None:
    before, after = (Routing(f"one:search=2:{100 - part},3:{part}").of("one", "search") for part in (10, 40))
    assert before is not None
    assert after is not None
    callers = [Caller(name=str(number)) for number in range(1000)]
    on_trial = {who.name for who in callers if before.choose(VERSIONS, who) == 0}
    assert on_trial < {who.name for who in callers if after.choose(VERSIONS, who) == 0}


@pytest.mark.slow
async def test_list_and_call_agree_for_each_caller(make_app: MakeApp, tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    callers = [bearer(add_key(path, f"key{number}", "one:*")) for number in range(12)]
    app = make_app(searching("1.0.0", "2.0.0"), tool_routes="one:search=1:50,2:50", auth_keys=str(path))
    ran = set()
    async with opened(app) as http:
        for who in callers:
            listed = (await http.get("/one/mcp/tools", headers=who)).json()["tools"][0]["_meta"][META]
            called = (await http.post("/one/mcp/call", json={"tool": "search"}, headers=who)).json()["result"]
            headers, body = wire.modern("tools/list")
            native = (await http.post("/mcp", json=body, headers={**headers, **who})).json()["result"]["tools"][0]
            assert listed == called == native["_meta"][META]
            ran.add(called)
    assert ran == {"1.0.0", "2.0.0"}


async def test_anonymous_callers_are_told_apart_by_their_address(make_app: MakeApp) -> None:
    proxies = (ip_network("127.0.0.0/8"),)
    app = make_app(searching("1.0.0", "2.0.0"), tool_routes="one:search=1:50,2:50", trusted_proxies=proxies)
    async with opened(app) as http:
        body, hosts = {"tool": "search"}, [{"x-forwarded-for": f"203.0.113.{number}"} for number in range(16)]
        ran = {(await http.post("/one/mcp/call", json=body, headers=host)).json()["result"] for host in hosts}
    assert ran == {"1.0.0", "2.0.0"}


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_list_and_call_agree_in_a_session(url: str, make_app: MakeApp) -> None:
    proxies = (ip_network("127.0.0.0/8"),)
    app = make_app(searching("1.0.0", "2.0.0"), tool_routes="one:search=1:50,2:50", trusted_proxies=proxies)
    ran = set()
    async with opened(app) as http:
        for number in range(12):
            host = {"x-forwarded-for": f"203.0.113.{number}"}
            session = {**await open_session(http, url, host), **host}
            [tool] = await sent(http, url, session, "tools/list", "tools")
            called = await sent(http, url, session, "tools/call", "structuredContent", name=tool["name"], arguments={})
            assert called == {"result": tool["_meta"][META]}
            ran.add(called["result"])
    assert ran == {"1.0.0", "2.0.0"}


async def sent(http: Any, url: str, session: dict[str, str], method: str, field: str, **params: Any) -> Any:
    answer = await http.post(url, json=wire.request(method, 2, **params), headers=session)
    return wire.messages(answer.text)[-1]["result"][field]


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ("one:search", "expected server:tool=version:weight"),
        ("one:search=2", "expected a version and a whole weight"),
        ("one:search=2:x", "expected a version and a whole weight"),
        ("one:search=2:1000001", "expected a version and a whole weight"),
        ("one:search=two:1", "expected a version"),
        ("one:search=1:1; one:search=2:1", "this tool has a route already"),
        ("one:search=1:1,9:1", "one:search has no version '9'"),
        ("two:search=1:1", "two:search has no version '1'"),
    ],
)
def test_wrong_route_is_refused_at_the_start(routes: str, reason: str, make_app: MakeApp) -> None:
    with pytest.raises(LoadError, match=f"^MCP_TOOL_ROUTES: .*{reason}"):
        make_app(searching("1.0.0", "2.0.0"), tool_routes=routes)


def failing(server: MCPServer[Any], after: int) -> MCPServer[Any]:
    """Adds version 3, which crashes each time after some calls."""
    left = [after]

    async def crashes() -> str:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError
        return "3.0.0"

    server.add_tool(crashes, name="new", meta={"version": "3.0.0", "versions_of": "search"})
    return server


@pytest.mark.slow
async def test_new_version_that_fails_more_is_stopped(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(failing(searching("2.0.0", "4.0.0-rc.1"), 0), tool_routes="one:search=2:0,3:100")
    async with opened(app) as http:
        await http.post("/one/mcp/call", json={"tool": "search", "version": "4.0.0-rc.1"})
        for _ in range(25):
            assert (await http.post("/one/mcp/call", json={"tool": "search", "version": "2"})).status_code == 200
        codes = [(await post(http, "search")).status_code for _ in range(25)]
        health = (await http.get("/one/mcp/health")).json()
        asked = await http.post("/one/mcp/call", json={"tool": "search", "version": "3"})
    assert codes == [500] * 20 + [200] * 5
    assert health["stoppedVersions"] == {"search": ["3.0.0"]}
    assert asked.status_code == 500, "one that is asked for still runs"
    assert "version stopped: it fails more than the others" in caplog.text


@pytest.mark.slow
async def test_version_that_fails_as_often_as_the_other_goes_on(make_app: MakeApp) -> None:
    server = failing(MCPServer("one"), 0)

    async def crashes() -> str:
        raise RuntimeError

    server.add_tool(crashes, name="old", meta={"version": "2.0.0", "versions_of": "search"})
    async with opened(make_app(server, tool_routes="one:search=2:0,3:100")) as http:
        for _ in range(25):
            await http.post("/one/mcp/call", json={"tool": "search", "version": "2"})
            await post(http, "search")
        assert "stoppedVersions" not in (await http.get("/one/mcp/health")).json()
