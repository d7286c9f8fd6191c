"""Logins of browsers: the cookie, where it counts, and its end."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from mcp.server.mcpserver import Context

from gateway.auth import api_key_file
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.console.console import EVENTS, OWN, keys, login, stream
from tests.sockets import connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
CALL = {"tool": "add", "arguments": {"a": 1, "b": 2}}
FOREIGN: list[dict[str, str]] = [
    {"origin": "http://localhost:9999"},
    {"origin": "http://127.0.0.1"},
    {"sec-fetch-site": "cross-site", "origin": "http://localhost"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
]


async def add(a: int, b: int) -> int:
    return a + b


async def test_cookie_opens_the_data_and_the_stream(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        cookie = {"cookie": f"other=1; {await login(http, given['reader'])}; more=2"}
        assert (await http.get("/console/data/servers", headers=cookie)).status_code == 200
        me = (await http.get("/console/data/me", headers=cookie)).json()
        assert (me["caller"], me["may"]) == (
            "key:reader",
            {"read": True, "arguments": False, "cancel": False, "admin": False},
        )
        async with stream(http, cookie) as feed:
            assert (await feed.next("state"))["reach"] == "process"


async def test_cookie_counts_for_nothing_outside_of_the_console(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    app = make_app(server_of(add), console=True, **setting)
    async with opened(app) as http:
        cookie = await login(http, given["admin"])
        for path in ("/one/mcp/call", "/call", "/one/mcp/tools/add", "/one/mcp", "/mcp"):
            assert (await http.post(path, json=CALL, headers={**OWN, "cookie": cookie})).status_code == 401
        for path in ("/tools", "/consoles", "/console-data/me"):
            assert (await http.get(path, headers={"cookie": cookie})).status_code in (401, 404)
        for path in ("/one/mcp/ws", "/ws"):
            async with connected(app, path, [(b"cookie", cookie.encode())]) as socket:
                assert (await socket.ask({"id": 1, "server": "one", **CALL}))["error"]["status"] == 401


async def test_cookie_is_opaque_and_bound_to_this_site(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    app = make_app(server_of(add), console=True, allowed_hosts=("router.example",), **setting)
    async with opened(app) as http:
        local = await http.post("/console/login", headers=bearer(given["reader"]))
        away = await http.post("https://router.example/console/login", headers=bearer(given["reader"]))
        assert given["reader"] not in local.headers["set-cookie"] + away.headers["set-cookie"]
        assert local.headers["set-cookie"].startswith("multi-mcp-console=")
        assert away.headers["set-cookie"].startswith("__Host-multi-mcp-console=")
        for answer, secure in ((local, False), (away, True)):
            parts = answer.headers["set-cookie"].split("; ")
            assert {"Path=/", "HttpOnly", "SameSite=Strict"} <= {*parts}
            assert ("Secure" in parts) is secure
            assert not [part for part in parts if part.startswith("Domain")]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["login", "logout", "cancel", "call"])
async def test_no_page_of_another_origin_gets_past(
    make_app: MakeApp, tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        cookie = await login(http, given["admin"])
        for credential in ({"cookie": cookie}, bearer(given["admin"])):
            answer = await http.post(f"/console/{path}", json=CALL, headers={**headers, **credential})
            assert (answer.status_code, answer.json()["title"]) == (403, "Origin not allowed")
        assert (await http.get("/console/data/servers", headers={"cookie": cookie})).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
async def test_no_page_of_another_origin_calls_without_authentication(
    make_app: MakeApp, headers: dict[str, str]
) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        assert (await http.post("/console/call", json=CALL, headers=headers)).status_code == 403
        is_typed = headers == {"sec-fetch-site": "none"}
        assert (await http.get("/console/data/servers", headers=headers)).status_code == (200 if is_typed else 403)


@pytest.mark.parametrize("headers", [OWN, {"sec-fetch-site": "same-origin"}])
async def test_page_of_the_router_gets_past(make_app: MakeApp, tmp_path: Path, headers: dict[str, str]) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        cookie = {"cookie": await login(http, given["admin"], headers)}
        assert (await http.post("/console/call", json=CALL, headers={**headers, **cookie})).json() == {"result": 3}
        assert (await http.post("/console/call", json=CALL, headers=cookie)).status_code == 403


async def test_logout_ends_the_login(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        cookie = {**OWN, "cookie": await login(http, given["reader"])}
        answer = await http.post("/console/logout", headers=cookie)
        assert (answer.status_code, "Max-Age=0" in answer.headers["set-cookie"]) == (204, True)
        assert (await http.get("/console/data/servers", headers=cookie)).status_code == 401


@pytest.mark.parametrize("cookie", ["multi-mcp-console=made-up", "multi-mcp-console=", f"multi-mcp-console={'x' * 99}"])
async def test_made_up_cookie_is_none(make_app: MakeApp, tmp_path: Path, cookie: str) -> None:
    setting, _ = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        assert (await http.get("/console/data/servers", headers={"cookie": cookie})).status_code == 401
        assert (await http.get("/console", headers={"cookie": cookie})).status_code == 200


@pytest.mark.slow
async def test_wrong_login_is_refused_and_counted_as_every_wrong_credential(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        for headers in ({}, bearer("wrong"), {"cookie": await login(http, given["reader"])}):
            answer = await http.post("/console/login", headers={**OWN, **headers})
            assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
        found = (await http.get("/console/data/refusals", headers=bearer(given["reader"]))).json()["refusals"]
        assert [each["reason"] for each in found] == ["unauthenticated"] * 3


def revoke(path: Path) -> None:
    path.write_text(api_key_file.KeyFile(keys=[]).model_dump_json())


@pytest.mark.slow
async def test_revoked_key_ends_its_login_and_its_stream_within_two_seconds(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        cookie = {"cookie": await login(http, given["reader"])}
        async with stream(http, cookie) as feed:
            await feed.next("state")
            revoke(tmp_path / "keys.json")
            with pytest.raises(EOFError):
                await feed.until("never", bool)
        assert (await http.get(EVENTS, headers=cookie)).status_code == 401


@pytest.mark.slow
async def test_tool_sees_no_cookie_of_the_console(make_app: MakeApp, tmp_path: Path) -> None:
    async def seen(ctx: Context) -> str:
        return json.dumps({**(ctx.headers or {})})

    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(seen), console=True, **setting)) as http:
        cookie = {**OWN, "cookie": f"mine=1; {await login(http, given['admin'])}"}
        answers: list[httpx2.Response] = [
            await http.post("/console/call", json={"server": "one", "tool": "seen"}, headers=cookie),
            await http.post("/one/mcp/call", json={"tool": "seen"}, headers={**cookie, **bearer(given["admin"])}),
        ]
        for answer in answers:
            assert "mine=1" in answer.json()["result"]
            assert "multi-mcp-console" not in answer.text
            assert given["admin"] not in answer.text
