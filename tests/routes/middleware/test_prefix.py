"""The prefix of a proxy: believed from trusted proxies only, and part of every link."""

from __future__ import annotations

import json
import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from routes.middleware.prefix import MAX_PREFIX_LENGTH, Prefix
from tests.conftest import MakeApp
from tests.keys import add_key
from tests.shipped import shipped
from tests.sockets import connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
LOCAL = (ip_network("127.0.0.1"),)
SERVERS = {"servers_dir": (shipped(),), "trusted_proxies": LOCAL}
LINKED = ["/", "/math", "/tools", "/math/mcp/tools", "/math/mcp/tools/add_tool", "/openapi.json", "/math/openapi.json"]


def links(document: Any) -> list[str]:
    """Returns the URLs in an answer: all strings that begin with a slash; of an OpenAPI document, its whole URLs."""
    if isinstance(document, dict) and "openapi" in document and "paths" in document:
        return [server["url"] + path for server in document["servers"] for path in document["paths"]]
    if isinstance(document, dict):
        return [link for value in document.values() for link in links(value)]
    if isinstance(document, list):
        return [link for value in document for link in links(value)]
    return [document] if isinstance(document, str) and document.startswith(("/", "http")) else []


@pytest.mark.parametrize("prefix", ["/router", "/a/b-c_d.e~f", "/tools", "/.well-known", "/..."])
@pytest.mark.slow
async def test_every_link_has_the_prefix_and_leads_to_an_answer(make_app: MakeApp, prefix: str) -> None:
    async with opened(make_app(**SERVERS)) as http:
        http.headers["x-forwarded-prefix"] = prefix
        for url in LINKED:
            found = links((await http.get(url)).json())
            assert found, url
            assert [link for link in found if not (link + "/").startswith(prefix + "/")] == []
            for link in found:
                assert (await http.get(link.removeprefix(prefix) or "/")).status_code in (200, 400, 405), link
        for url in ("/", "/math", "/math/", "/docs"):
            page = (await http.get(url, headers={"accept": "text/html"})).text
            found = [urljoin(prefix + url, link) for link in re.findall('(?:href|src)="([^"#]*)"', page)]
            assert {link.startswith(prefix + "/") for link in found} == {True}
        assert (
            await http.post("/math/mcp/call", json={"tool": "add", "arguments": {"a": 1, "b": 2}})
        ).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        ["router"],
        ["/"],
        ["/router/"],
        ["//evil.example"],
        ["/.."],
        ["/a/../b"],
        ["/a/."],
        ["/a b"],
        ["/a%2Fb"],
        ["/a?b"],
        ["/a\\b"],
        ['/"><script>'],
        ["/a, /b"],
        ["/a", "/b"],
        ["/é"],
        ["https://evil.example/a"],
        ["/" + "a" * MAX_PREFIX_LENGTH],
        [""],
    ],
)
@pytest.mark.slow
async def test_any_other_value_is_ignored(make_app: MakeApp, values: list[str]) -> None:
    headers = [(b"x-forwarded-prefix", value.encode()) for value in values]
    async with opened(make_app(**SERVERS)) as http:
        assert (await http.get("/", headers=headers)).json()["tools"] == "/tools"


@pytest.mark.slow
async def test_header_is_ignored_unless_a_trusted_proxy_sends_it(make_app: MakeApp) -> None:
    for trusted in ((), (ip_network("192.0.2.0/24"),)):
        async with opened(make_app(servers_dir=(shipped(),), trusted_proxies=trusted)) as http:
            answer = await http.get("/", headers={"x-forwarded-prefix": "/router"})
            assert answer.json()["tools"] == "/tools"


@pytest.mark.slow
async def test_path_of_the_public_url_is_the_prefix_whatever_the_header_says(make_app: MakeApp) -> None:
    for public, tools in (("https://tools.example.com/mine", "/mine/tools"), ("https://tools.example.com", "/tools")):
        async with opened(make_app(**SERVERS, public_url=public)) as http:
            for headers in ({}, {"x-forwarded-prefix": "/router"}):
                assert (await http.get("/", headers=headers)).json()["tools"] == tools
                assert (await http.get("/math/mcp/tools", headers=headers)).status_code == 200


@pytest.mark.slow
async def test_challenge_and_metadata_have_the_prefix(make_app: MakeApp, tmp_path: Any) -> None:
    add_key(tmp_path / "keys.json", "ci", "*:*")
    async with opened(make_app(**SERVERS, auth_keys=str(tmp_path / "keys.json"))) as http:
        http.headers["x-forwarded-prefix"] = "/router"
        challenge = (await http.post("/math/mcp", json={})).headers["www-authenticate"]
        well_known = "/.well-known/oauth-protected-resource"
        assert f'resource_metadata="http://localhost/router{well_known}/math/mcp"' in challenge
        for url in (f"{well_known}/math/mcp", f"{well_known}/router/math/mcp"):
            assert (await http.get(url)).json()["resource"] == "http://localhost/router/math/mcp"
        assert (await http.get("/health")).status_code == 200  # open paths stay open


@pytest.mark.slow
async def test_prefix_stands_before_that_of_the_server(make_app: MakeApp) -> None:
    async with opened(behind("/inner", make_app(**SERVERS))) as http:
        answer = await http.get("/inner/", headers={"x-forwarded-prefix": "/outer"})
        assert answer.json()["tools"] == "/outer/inner/tools"


def behind(prefix: str, app: Starlette) -> Starlette:
    """Returns the application as uvicorn's `--root-path` serves it."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope["root_path"] = prefix
        await app(scope, receive, send)

    wrapped.router = app.router  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


@pytest.mark.slow
async def test_websocket_has_the_prefix_too(make_app: MakeApp) -> None:
    app = make_app(**SERVERS)
    async with opened(app), connected(app, "/ws", [(b"x-forwarded-prefix", b"/router")]) as socket:
        socket.send(json.dumps({"id": 1, "server": "math", "tool": "add", "arguments": {"a": 1, "b": 2}}))
        assert (await socket.receive())["result"] == 3


async def test_request_without_the_header_is_passed_on_as_it_is() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def nothing(*message: Any) -> Any: ...

    scope: Scope = {"type": "http", "client": ("127.0.0.1", 1), "path": "/", "headers": [(b"host", b"localhost")]}
    before = dict(scope)
    await Prefix(app, LOCAL, "")(scope, nothing, nothing)
    assert scope == before
