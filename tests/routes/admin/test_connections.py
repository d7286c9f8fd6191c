"""Connections of entries of the admin API: to the address that was judged, and to no other."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients import post
from tests.gateway.upstream.http.peer import Asked, modern, serving
from tests.routes.admin.conftest import NEW, Administered, saved
from tests.routes.admin.test_destinations import NONE, PUBLIC, refused

pytestmark = pytest.mark.anyio


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


async def test_name_of_which_one_address_is_not_public_is_refused(
    administered: Administered, resolving: Callable[..., list[str]]
) -> None:
    resolving("mixed.example", [PUBLIC, "10.0.0.1"])
    async with administered(**NONE) as http:
        refused(await http.put("/admin/servers/far", json={"url": "http://mixed.example/mcp"}, headers=NEW))


@pytest.mark.parametrize("several", [False, True], ids=["url", "instances"])
@pytest.mark.slow
async def test_name_that_leads_elsewhere_after_it_was_judged_is_not_connected_to(
    administered: Administered, resolving: Callable[..., list[str]], several: bool
) -> None:
    async with serving(modern(tools)) as peer, administered(**NONE) as http:
        url = f"http://rebinding.example:{peer.url.rpartition(':')[2]}"
        asked = resolving("rebinding.example", [PUBLIC], ["127.0.0.1"])
        entry = {"instances": [url]} if several else {"url": url}
        answer = await http.put("/admin/servers/far?force=true", json=entry, headers=NEW)
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


@pytest.mark.slow
async def test_connection_goes_to_the_address_that_was_judged(
    administered: Administered, resolving: Callable[..., list[str]]
) -> None:
    async with serving(modern(tools)) as peer, administered() as http:
        port = peer.url.rpartition(":")[2]
        resolving("near.example", ["127.0.0.1"])
        answer = await http.put("/admin/servers/far", json={"url": f"http://near.example:{port}"}, headers=NEW)
        assert (answer.status_code, answer.json()["tools"]) == (201, ["echo"]), answer.text
        assert {asked.headers["host"] for asked in peer.asked} == {f"near.example:{port.partition('/')[0]}"}


@pytest.mark.slow
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
@pytest.mark.slow
async def test_redirect_to_another_origin_is_not_followed(administered: Administered, status: int) -> None:
    async with serving(modern(tools)) as target:

        async def redirect(asked: Asked) -> None:
            asked.answer(b"", status, headers={"Location": target.url})

        async with serving(redirect) as peer, administered() as http:
            answer = await http.put("/admin/servers/far", json={"url": peer.url}, headers=NEW)
            assert answer.status_code == 502, answer.text
            assert target.asked == []


@pytest.mark.slow
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


@pytest.mark.slow
async def test_allowed_network_is_reached(administered: Administered, far: str) -> None:
    async with administered(admin_networks=(ip_network("127.0.0.1/32"),)) as http:
        assert (await http.put("/admin/servers/far", json={"url": far}, headers=NEW)).status_code == 201
        other = far.replace("127.0.0.1", "127.0.0.2")
        refused(await http.put("/admin/servers/other", json={"url": other}, headers=NEW))
