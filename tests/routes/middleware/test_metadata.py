"""The protected resource metadata, and the challenges that name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp
from tests.keys import add_key
from tests.routes.raw import Answer, ask, ask_behind
from tests.shipped import shipped

pytestmark = pytest.mark.anyio
WELL_KNOWN = "/.well-known/oauth-protected-resource"
ISSUER = "https://issuer.example.com"
MATH = {"servers_dir": (shipped(),), "auth_issuer": ISSUER, "auth_audience": "https://tools.example.com"}


def challenged(answer: Answer) -> str:
    """Returns the metadata URL of a 401."""
    assert answer.status == 401
    return answer.headers["www-authenticate"].partition('resource_metadata="')[2].removesuffix('"')


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(**MATH)


@pytest.mark.slow
async def test_each_endpoint_and_the_whole_router_have_metadata(app: Starlette) -> None:
    for resource, scope in (("", "*:*"), ("/mcp", "*:*"), ("/math/mcp", "math:*"), ("/echo/mcp", "echo:*")):
        assert (await ask(app, "GET", WELL_KNOWN + resource)).document == {
            "resource": f"http://localhost:8000{resource}",
            "resource_name": "multi-mcp",
            "authorization_servers": [ISSUER],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [scope],
        }


@pytest.mark.slow
async def test_metadata_names_no_authorization_server_if_only_keys_are_configured(
    make_app: MakeApp, tmp_path: Path
) -> None:
    add_key(tmp_path / "keys.json", "ci", "*:*")
    app = make_app(servers_dir=(shipped(),), auth_keys=str(tmp_path / "keys.json"))
    assert "authorization_servers" not in (await ask(app, "GET", WELL_KNOWN)).document


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/math/mcp", "/math/mcp"),
        ("/math/mcp/", "/math/mcp"),
        ("/math/mcp/call", "/math/mcp"),
        ("/math/mcp/tools/add_tool", "/math/mcp"),
        ("/mcp", "/mcp"),
        ("/mcp/", "/mcp"),
        ("/call", ""),
        ("/", ""),
        ("/tools", ""),
        ("/math/openapi.json", ""),
        ("/math/mcpx", ""),
        ('/"\r\nx: y/mcp', ""),
    ],
)
@pytest.mark.slow
async def test_challenge_names_the_metadata_of_the_requested_endpoint(app: Starlette, path: str, resource: str) -> None:
    url = challenged(await ask(app, "GET", path))
    assert url == f"http://localhost:8000{WELL_KNOWN}{resource}"
    found = await ask(app, "GET", url.removeprefix("http://localhost:8000"))
    assert found.document["resource"] == f"http://localhost:8000{resource}"


@pytest.mark.slow
async def test_metadata_and_challenge_do_not_reveal_which_servers_exist(app: Starlette) -> None:
    existing, unknown = [await ask(app, "GET", f"{WELL_KNOWN}/{name}/mcp") for name in ("math", "nope")]
    assert existing.body.replace(b"math", b"nope") == unknown.body
    existing, unknown = [await ask(app, "GET", f"/{name}/mcp/tools") for name in ("math", "nope")]
    assert challenged(existing).replace("math", "nope") == challenged(unknown)


@pytest.mark.parametrize("resource", ["/", "/x", "/math", "/math/mcp/", "/math/mcp/call", "/a/b/mcp", "x", "/ä/mcp"])
@pytest.mark.slow
async def test_paths_that_are_no_resource_have_no_metadata(app: Starlette, resource: str) -> None:
    assert (await ask(app, "GET", WELL_KNOWN + resource)).status in (401, 404)


@pytest.mark.parametrize("path", ["", "/ai", "/a/b"])
@pytest.mark.slow
async def test_public_url_replaces_the_host_of_the_request(make_app: MakeApp, path: str) -> None:
    base = f"https://tools.example.com{path}"
    app = make_app(**MATH, public_url=base)
    assert challenged(await ask(app, "GET", "/math/mcp")) == f"{base}{WELL_KNOWN}/math/mcp"
    for url in (f"{WELL_KNOWN}/math/mcp", f"{WELL_KNOWN}{path}/math/mcp"):  # RFC 9728 puts it before the prefix
        assert (await ask(app, "GET", url)).document["resource"] == f"{base}/math/mcp"
    assert (await ask(app, "GET", WELL_KNOWN + path)).document["resource"] == base


async def test_prefix_of_a_proxy_is_part_of_the_urls(app: Starlette) -> None:
    base = "http://localhost:8000/ai"
    assert challenged(await ask_behind("/ai", app, "GET", "/math/mcp")) == f"{base}{WELL_KNOWN}/math/mcp"
    for url in (f"{WELL_KNOWN}/math/mcp", f"{WELL_KNOWN}/ai/math/mcp"):
        assert (await ask_behind("/ai", app, "GET", url)).document["resource"] == f"{base}/math/mcp"


@pytest.mark.parametrize("host", ["tools.example.com", "tools.example.com:8443", "[::1]:8000", "127.0.0.1"])
@pytest.mark.slow
async def test_resource_has_the_host_of_the_request(make_app: MakeApp, host: str) -> None:
    settings: dict[str, Any] = MATH | {"allowed_hosts": ("*",)}
    answer = await ask(make_app(**settings), "GET", f"{WELL_KNOWN}/mcp", [(b"host", host.encode())])
    assert answer.document["resource"] == f"http://{host}/mcp"


@pytest.mark.parametrize("host", [b'a", error="x', b"a/b", b"a b", b"", b"a@b", b"[::1"])
@pytest.mark.slow
async def test_malformed_host_is_not_repeated(make_app: MakeApp, host: bytes) -> None:
    settings: dict[str, Any] = MATH | {"allowed_hosts": ("*",)}
    answer = await ask(make_app(**settings), "GET", "/math/mcp", [(b"host", host)])
    assert challenged(answer) == f"http://localhost{WELL_KNOWN}/math/mcp"
