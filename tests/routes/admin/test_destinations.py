"""Where an entry of the admin API may lead to: judged when it comes, and at each connection."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.gateway.upstream.http.peer import Asked, modern, serving
from tests.routes.admin.conftest import NEW, Administered, saved

pytestmark = pytest.mark.anyio
NONE: dict[str, Any] = {"admin_networks": ()}
PUBLIC = "93.184.215.14"


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Returns a function that gives a name these addresses, one list for each question, the last one for ever."""
    real = socket.getaddrinfo

    def give(name: str, *answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            if host != name:
                return real(host, port, *args, **options)
            found = answers[min(len(asked), len(answers) - 1)]
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return give


async def tools(asked: Asked) -> None:
    asked.result({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]})


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


async def test_name_of_which_one_address_is_not_public_is_refused(
    administered: Administered, resolving: Callable[..., list[str]]
) -> None:
    resolving("mixed.example", [PUBLIC, "10.0.0.1"])
    async with administered(**NONE) as http:
        refused(await http.put("/admin/servers/far", json={"url": "http://mixed.example/mcp"}, headers=NEW))


async def test_name_that_leads_elsewhere_after_it_was_judged_is_not_connected_to(
    administered: Administered, resolving: Callable[..., list[str]]
) -> None:
    async with serving(modern(tools)) as peer, administered(**NONE) as http:
        port = peer.url.rpartition(":")[2]
        asked = resolving("rebinding.example", [PUBLIC], ["127.0.0.1"])
        answer = await http.put(
            "/admin/servers/far?force=true", json={"url": f"http://rebinding.example:{port}"}, headers=NEW
        )
        assert answer.status_code == 201, answer.text
        with anyio.fail_after(10):
            while "MCP_ADMIN_NETWORKS" not in (found := (await http.get("/admin/servers/far")).json()).get(
                "reason", ""
            ):
                await anyio.sleep(0.02)
        assert found["state"] == "failing"
        assert len(asked) >= 2
        assert (peer.asked, peer.connections) == ([], 0)
        assert (await post(http, "echo", {}, server="far")).status_code == 503


async def test_connection_goes_to_the_address_that_was_judged(
    administered: Administered, resolving: Callable[..., list[str]]
) -> None:
    async with serving(modern(tools)) as peer, administered() as http:
        port = peer.url.rpartition(":")[2]
        resolving("near.example", ["127.0.0.1"])
        answer = await http.put("/admin/servers/far", json={"url": f"http://near.example:{port}"}, headers=NEW)
        assert (answer.status_code, answer.json()["tools"]) == (201, ["echo"]), answer.text
        assert {asked.headers["host"] for asked in peer.asked} == {f"near.example:{port.partition('/')[0]}"}


async def test_entry_of_the_api_is_judged_after_a_restart_and_one_of_the_file_is_not(
    administered: Administered, far: str, tmp_path: Path
) -> None:
    async with administered() as http:
        assert (await http.put("/admin/servers/far", json={"url": far}, headers=NEW)).status_code == 201
    entries = {**saved(tmp_path), "own": {"url": far}}
    async with administered(entries, **NONE) as http:
        with anyio.fail_after(10):
            while (found := (await http.get("/admin/servers/far")).json())["state"] != "failing":
                await anyio.sleep(0.02)
        assert "MCP_ADMIN_NETWORKS" in found["reason"]
        with anyio.fail_after(10):
            while (await http.get("/admin/servers/own")).json()["state"] != "ready":
                await anyio.sleep(0.02)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_to_another_origin_is_not_followed(administered: Administered, status: int) -> None:
    async with serving(modern(tools)) as target:

        async def redirect(asked: Asked) -> None:
            asked.answer(b"", status, headers={"Location": target.url})

        async with serving(redirect) as peer, administered() as http:
            answer = await http.put("/admin/servers/far", json={"url": peer.url}, headers=NEW)
            assert answer.status_code == 502, answer.text
            assert target.asked == []


async def test_proxy_of_the_environment_is_not_used(
    administered: Administered, far: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(asked: Asked) -> None:
        asked.answer(b"", 200)

    async with serving(answer) as proxy, administered(admin_networks=(ip_network("127.0.0.0/8"),)) as http:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/mcp"))
        sent = {"url": "http://127.0.0.3:9/mcp"}
        assert (await http.put("/admin/servers/far", json=sent, headers=NEW)).status_code == 502
        assert proxy.asked == []


async def test_allowed_network_is_reached(administered: Administered, far: str) -> None:
    async with administered(admin_networks=(ip_network("127.0.0.1/32"),)) as http:
        assert (await http.put("/admin/servers/far", json={"url": far}, headers=NEW)).status_code == 201
        other = far.replace("127.0.0.1", "127.0.0.2")
        refused(await http.put("/admin/servers/other", json={"url": other}, headers=NEW))
