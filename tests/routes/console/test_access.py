"""The callers and the places that get the data of the console."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.routes.console.console import EVENTS, OWN, READ, keys, login, stream
from tests.routes.raw import ask
from tests.sockets import Refused, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
HOST = (b"host", b"localhost")
PAGES = ("", "/", "/calls/some-id", "/tools", "/try", "/servers", "/sessions", "/refusals", "/settings")


async def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.parametrize("name", ["reader", "all", "admin", "tools", "cancel", "arguments", ""])
@pytest.mark.parametrize("url", sorted(READ))
async def test_no_data_is_given_without_the_scope_to_read_it(
    make_app: MakeApp, tmp_path: Path, url: str, name: str
) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        headers = bearer(given[name]) if name else {}
        if url == EVENTS and name in ("reader", "all", "admin"):
            async with stream(http, headers):
                return
        answer = await http.get(url, headers=headers)
    assert answer.status_code == (401 if not name else 200 if name in ("reader", "all", "admin") else 403)
    if answer.status_code == 403:
        assert answer.json()["detail"] == "The caller does not have the required scope 'console:read'."
        assert 'scope="console:read"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("name", ["reader", "tools", "arguments", ""])
@pytest.mark.slow
async def test_nobody_cancels_without_the_scope_to_cancel(make_app: MakeApp, tmp_path: Path, name: str) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        headers = {**OWN, **(bearer(given[name]) if name else {})}
        answer = await http.post("/console/cancel", json={"process": "x", "number": 1}, headers=headers)
        assert answer.status_code == (403 if name else 401)
        assert (await http.post("/console/cancel", json={}, headers=bearer(given["cancel"]))).status_code == 400


@pytest.mark.parametrize("page", PAGES)
async def test_pages_are_open_and_name_nothing_that_is_served(make_app: MakeApp, tmp_path: Path, page: str) -> None:
    setting, _ = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        answer = await http.get(f"/console{page}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
        assert "one" not in answer.text.replace("One call", "")


async def test_without_the_setting_there_is_no_console(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add))) as http:
        for url in ("/console", "/console/", EVENTS, "/console/data/me", "/console/call"):
            assert (await http.get(url)).status_code == 404


async def test_calls_that_are_tried_need_the_scope_of_their_tool(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    body = {"server": "one", "tool": "add", "arguments": {"a": 1, "b": 2}}
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        for name, status in (("reader", 403), ("all", 200), ("tools", 200)):
            cookie = {**OWN, "cookie": await login(http, given[name])}
            assert (await http.post("/console/call", json=body, headers=cookie)).status_code == status
            found = await http.get("/console/data/tool?server=one&tool=add", headers=cookie)
            assert found.status_code == (200 if status == 200 else 404)


async def status(app: Starlette, *headers: tuple[bytes, bytes], client: str = "127.0.0.1", **scope: object) -> int:
    """Returns the status of the answer to a request of a client at an address."""
    seen: list[int] = []

    async def at(inner: dict[str, object], receive: object, send: object) -> None:
        inner |= {"client": (client, 5) if client else None, **scope}
        await app(inner, receive, send)  # type: ignore[arg-type]

    answer = await ask(at, "GET", "/console/data/servers", headers)  # type: ignore[arg-type]
    seen.append(answer.status)
    return seen[0]


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "127.9.9.9"])
async def test_without_authentication_this_machine_may_read(make_app: MakeApp, client: str) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app):
        for host in (b"localhost:8000", b"127.0.0.1", b"[::1]:8000"):
            assert await status(app, (b"host", host), client=client) == 200


@pytest.mark.parametrize("client", ["10.1.2.3", "172.17.0.1", "::2", "", "garbage"])
async def test_without_authentication_no_other_machine_may_read(make_app: MakeApp, client: str) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app):
        assert await status(app, HOST, client=client, server=("127.0.0.1", 8000)) == 403
        assert await status(app, HOST, client="", server=("/run/socket", None)) == 403


@pytest.mark.parametrize(
    "name", ["x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix", "forwarded", "via", "x-real-ip"]
)
async def test_without_authentication_no_proxy_may_read(make_app: MakeApp, name: str) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app):
        assert await status(app, HOST, (name.encode(), b"127.0.0.1")) == 403
        assert await status(app, HOST, http_version="1.0") == 403


async def test_without_authentication_a_configured_proxy_or_another_host_closes_the_console(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True, trusted_proxies=(ip_network("10.0.0.0/8"),))
    async with opened(app):
        assert await status(app, HOST) == 403
    app = make_app(server_of(add), console=True, allowed_hosts=("*",))
    async with opened(app):
        assert await status(app, (b"host", b"rebound.example")) == 403
        assert await status(app, HOST) == 200


async def test_the_console_takes_no_websocket(make_app: MakeApp) -> None:
    app = make_app(server_of(add), console=True)
    async with opened(app):
        with pytest.raises(Refused, match="404"):
            async with connected(app, "/console/data/events"):
                pass
