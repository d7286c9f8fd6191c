"""Allowed and refused Host and Origin headers, at every URL."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette

from tests import wire
from tests.conftest import MakeApp
from tests.routes.raw import ask
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio

URLS = [
    ("GET", "/"),
    ("GET", "/tools"),
    ("GET", "/health"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("POST", "/call"),
    ("GET", "/mcp"),
    ("POST", "/mcp"),
    ("POST", "/mcp/"),
    ("GET", "/math/mcp"),
    ("POST", "/math/mcp"),
    ("POST", "/math/mcp/"),
    ("DELETE", "/math/mcp"),
    ("POST", "/math/mcp/call"),
    ("GET", "/math/mcp/tools"),
    ("GET", "/math/mcp/tools/add_tool"),
    ("POST", "/math/mcp/tools/add_tool"),
    ("GET", "/math/mcp/health"),
    ("GET", "/math/openapi.json"),
    ("GET", "/nothing"),
    ("OPTIONS", "/call"),
]
LOCAL_HOSTS = [
    "localhost",
    "localhost:8000",
    "LOCALHOST",
    "LocalHost:1",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::1]:80",
]
FOREIGN_HOSTS = [
    "localhost:8801.evil.com",
    "localhost.evil.com",
    "evil.com:8000",
    "evil.com",
    "localhost.",
    "localhost:abc",
    "localhost:123456",
    "localhost/",
    "localhost:80/",
    "localhost?",
    "user@localhost",
    "localhost@evil.com",
    "evil.com#localhost",
    "localhost,evil.com",
    "[::1].evil.com",
    "evil.com[::1]",
    "[::1",
    "::1",
    "[localhost]",
    "[127.0.0.1]",
    "127.0.0.2",
    "127.1",
    "0.0.0.0",
    "lo\tcalhost",
    "",
    ":8000",
]


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(servers_dir=(shipped(),), allowed_hosts=("Tools.Example.com", "2001:db8::1"))


@pytest.mark.parametrize(("method", "url"), URLS)
async def test_every_url_refuses_a_foreign_host_and_a_foreign_origin(
    client: httpx2.AsyncClient, method: str, url: str
) -> None:
    answer = await client.request(method, url, headers={"host": "evil.com"})
    assert (answer.status_code, answer.json()["type"]) == (421, "urn:multi-mcp:error:misdirected")
    answer = await client.request(method, url, headers={"origin": "https://evil.com"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:multi-mcp:error:forbidden-origin")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", LOCAL_HOSTS)
async def test_local_host_is_allowed_with_any_port(client: httpx2.AsyncClient, host: str) -> None:
    assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.slow
async def test_host_that_only_looks_local_is_421(app: Starlette, host: str) -> None:
    answer = await ask(app, "GET", "/health", [(b"host", host.encode())])
    assert answer.status == 421


async def test_request_without_a_host_or_with_two_is_421(app: Starlette) -> None:
    assert (await ask(app, "GET", "/health", [])).status == 421
    assert (await ask(app, "GET", "/health", [(b"host", b"localhost"), (b"host", b"localhost")])).status == 421
    assert (await ask(app, "GET", "/health", [(b"host", b"localhost"), (b"host", b"evil.com")])).status == 421


@pytest.mark.parametrize("host", [*LOCAL_HOSTS, "https://localhost:3000".removeprefix("https://")])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_page_of_a_local_host_is_allowed(client: httpx2.AsyncClient, scheme: str, host: str) -> None:
    assert (await client.get("/health", headers={"origin": f"{scheme}://{host}"})).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "localhost",
        "//localhost",
        "file://",
        "ftp://localhost",
        "chrome-extension://localhost",
        "https://localhost:8801.evil.com",
        "https://localhost/",
        "https://localhost#",
        "https://https://localhost",
        "https://localhost https://evil.com",
        "https://tools.example.com.evil.com",
        "https://[::1].evil.com",
    ],
)
async def test_page_of_any_other_origin_is_403(app: Starlette, origin: str) -> None:
    answer = await ask(app, "GET", "/health", [(b"host", b"localhost"), (b"origin", origin.encode())])
    assert answer.status == 403


@pytest.mark.slow
async def test_each_of_several_origins_must_be_allowed(app: Starlette) -> None:
    origins = [(b"origin", b"http://localhost"), (b"origin", b"http://evil.com")]
    assert (await ask(app, "GET", "/health", [(b"host", b"localhost"), *origins])).status == 403


@pytest.mark.parametrize("name", ["tools.example.com", "TOOLS.example.COM", "[2001:db8::1]", "[2001:DB8::1]"])
@pytest.mark.parametrize("port", ["", ":", ":443", ":8000"])
@pytest.mark.slow
async def test_configured_host_is_allowed_with_and_without_a_port(app: Starlette, name: str, port: str) -> None:
    host = (b"host", f"{name}{port}".encode())
    origin = (b"origin", f"https://{name}{port}".encode())
    assert (await ask(app, "GET", "/math/mcp/tools", [host])).status == 200
    assert (await ask(app, "GET", "/math/mcp/tools", [host, origin])).status == 200
    assert (await ask(app, "GET", "/math/mcp/tools", [(b"host", b"x" + host[1])])).status == 421


@pytest.mark.slow
async def test_star_allows_every_host_and_origin(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),), allowed_hosts=("*",))
    for headers in ([], [(b"host", b"evil.com")], [(b"host", b"evil.com"), (b"origin", b"null")]):
        assert (await ask(app, "GET", "/health", headers)).status == 200


@pytest.mark.slow
async def test_sdk_adds_no_further_check(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),), allowed_hosts=("tools.example.com",))) as client:
        for host in ("tools.example.com", "localhost", "LOCALHOST:1"):
            headers = {**wire.BOTH_TYPES, "host": host, "origin": f"https://{host}"}
            assert (await client.post("/math/mcp", json=wire.INITIALIZE, headers=headers)).status_code == 200


@pytest.mark.slow
async def test_hosts_beyond_the_size_of_the_cache_are_allowed(app: Starlette) -> None:
    for port in range(200):
        assert (await ask(app, "GET", "/health", [(b"host", b"localhost:%d" % port)])).status == 200
