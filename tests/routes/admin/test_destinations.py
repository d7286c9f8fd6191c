"""Destinations that an entry of the admin API may lead to, as they are judged when it comes."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.routes.admin.conftest import NEW, Administered

pytestmark = pytest.mark.anyio
NONE: dict[str, Any] = {"admin_networks": ()}
PUBLIC = "93.184.215.14"


def refused(answer: httpx2.Response, path: str = "url") -> str:
    found = answer.json()
    assert (answer.status_code, [error["path"] for error in found["errors"]]) == (422, [path]), answer.text
    reason: str = found["errors"][0]["reason"]
    return reason


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST.",
        "①②⑦.⓪.⓪.①",
        "[::1]",
        "[::]",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "100.64.0.1",
        "192.0.0.192",
        "192.88.99.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2002:808:808::]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::808:808]",
        "[64:ff9b:1::808:808]",
        "[2001::1]",
        "[2001:db8::1]",
        "[100::1]",
    ],
)
async def test_address_that_is_not_public_is_refused_in_every_form(administered: Administered, host: str) -> None:
    async with administered(**NONE) as http:
        for url in (f"http://{host}/mcp", f"https://{host}:8443/sse"):
            for query in ("?dryRun=true", "?force=true"):
                reason = refused(await http.put(f"/admin/servers/far{query}", json={"url": url}, headers=NEW))
                assert "MCP_ADMIN_NETWORKS" in reason


@pytest.mark.parametrize(
    "url",
    [
        "http://user@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "http://exa mple.com/",
        "http://[::1/",
        "http://" + "a" * 64 + ".example/",
        "http://127.0.0.1:99999/",
        "http://a..b/",
    ],
)
async def test_url_that_could_be_read_in_two_ways_is_refused(administered: Administered, url: str) -> None:
    async with administered() as http:
        refused(await http.put("/admin/servers/far?force=true", json={"type": "http", "url": url}, headers=NEW))


@pytest.mark.parametrize("key", ["tokenUrl", "issuer"])
async def test_token_endpoint_is_judged_too(administered: Administered, key: str) -> None:
    auth = {"type": "clientCredentials", "clientId": "x", "clientSecret": "y", key: "https://169.254.169.254/token"}
    async with administered(**NONE) as http:
        sent = {"url": f"https://{PUBLIC}/mcp", "auth": auth}
        refused(await http.put("/admin/servers/far?force=true", json=sent, headers=NEW), f"auth.{key}")
