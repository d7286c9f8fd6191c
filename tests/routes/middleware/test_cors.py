"""CORS for pages of allowed origins: preflights, and the headers of answers."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

from routes.middleware.cors import ALLOWED_HEADERS, ALLOWED_IF_ASKED
from tests import wire

pytestmark = pytest.mark.anyio

ORIGIN = {"origin": "http://localhost:3000"}
URLS = ["/mcp", "/math/mcp", "/math/mcp/", "/math/mcp/call", "/math/mcp/tools/add_tool", "/call", "/tools", "/nothing"]
REQUESTED = (
    "content-type, accept, authorization, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, last-event-id,"
    " mcp-param-city, Mcp-Param-Days, if-none-match, traceparent, tracestate, baggage, Cache-Control, X-Request-ID,"
    " x-api-key"
)
ROOT = Path(__file__).parents[3]
NOT_OF_PAGES = {"host", "origin", "content-length", "content-encoding", "access-control-request-headers"} | {
    *("sec-websocket-protocol", "x-forwarded-for", "x-forwarded-prefix", "cookie", "sec-fetch-site")
}
"""What the router reads and a page does not set: the browser's own headers, and those of proxies."""


def preflight(method: str = "POST", headers: str = REQUESTED) -> dict[str, str]:
    return {**ORIGIN, "access-control-request-method": method, "access-control-request-headers": headers}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_preflight_passes_at_every_url(client: httpx2.AsyncClient, url: str, method: str) -> None:
    answer = await client.options(url, headers=preflight(method))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {name.strip().lower() for name in REQUESTED.split(",")} <= set(allowed)
    assert "origin" in answer.headers["vary"].lower()


async def test_preflight_allows_only_known_headers(client: httpx2.AsyncClient) -> None:
    answer = await client.options("/call", headers=preflight(headers="x-secret, mcp-param-a\r, mcp-param-b"))
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert "x-secret" not in allowed
    assert "mcp-param-b" in allowed


@pytest.mark.slow
def test_page_may_send_every_header_that_the_router_reads() -> None:
    read: set[str] = set()
    for path in (ROOT / "routes").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= {*re.findall(r"""(?:name|key) == b"([a-z-]+)\"""", text)}
        read |= {*re.findall(r"""headers\.get\("([a-z-]+)\"""", text)}
    assert {"accept", "if-none-match", "mcp-method", "traceparent", "cache-control"} <= read
    assert read - NOT_OF_PAGES - {*ALLOWED_HEADERS, *ALLOWED_IF_ASKED} == set()


async def test_preflight_without_requested_headers_passes(client: httpx2.AsyncClient) -> None:
    answer = await client.options("/call", headers={**ORIGIN, "access-control-request-method": "POST"})
    assert answer.status_code == 204


async def test_preflight_of_a_foreign_page_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.options("/call", headers={**preflight(), "origin": "https://evil.com"})
    assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (403, False)


@pytest.mark.parametrize("url", ["/tools", "/math/mcp/tools", "/nothing", "/math/mcp/tools/none"])
async def test_page_can_read_answers_and_errors(client: httpx2.AsyncClient, url: str) -> None:
    answer = await client.get(url, headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"mcp-session-id", "x-request-id", "retry-after", "etag", "ratelimit", "cache-status", "allow"} <= exposed
    assert "origin" in answer.headers["vary"].lower()


async def test_page_can_read_its_session_id(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/math/mcp", json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **ORIGIN})
    assert answer.headers["mcp-session-id"]
    assert "mcp-session-id" in answer.headers["access-control-expose-headers"].lower()


async def test_request_without_an_origin_gets_no_cors_headers(client: httpx2.AsyncClient) -> None:
    assert not [name for name in (await client.get("/tools")).headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("url", "allow"),
    [("/call", "POST"), ("/math/mcp/call", "POST"), ("/health", "GET, HEAD"), ("/math/mcp", "GET, POST, DELETE")],
)
@pytest.mark.parametrize("headers", [{}, ORIGIN])
async def test_options_without_a_preflight_is_405_with_allow(
    client: httpx2.AsyncClient, url: str, allow: str, headers: dict[str, str]
) -> None:
    answer = await client.options(url, headers=headers)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == set(allow.split(", "))
