"""The client's address: taken from the connection or trusted proxies, never from the client's own claim."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import fields
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.caller import caller
from routes.middleware.address import Address
from settings.network import UNIX_CLIENTS
from settings.reader import setting_of
from settings.values import Settings
from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import BASE, AppTransport, opened

pytestmark = pytest.mark.anyio
NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1", "::1", "2001:db8:ffff::/48")))
(TRUSTED_PROXIES,) = [declared for declared in fields(Settings) if declared.name == "trusted_proxies"]
LOCAL = tuple(map(ip_network, ("127.0.0.1",)))


async def address_of(
    peer: str | None, forwarded: Iterable[str] = (), trusted: Any = NETWORKS, kind: str = "http", server: Any = None
) -> str:
    """Returns the counted address of a request from `peer` with these `X-Forwarded-For` headers."""
    found = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(caller.get().key)

    async def nothing(*message: Any) -> Any: ...

    headers = [(b"host", b"localhost"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)]
    client = (peer, 50_000) if peer is not None else None
    await Address(app, trusted)(
        {"type": kind, "client": client, "server": server, "headers": headers}, nothing, nothing
    )
    return found[0].removeprefix("address ")


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("a-unix-socket", "unknown"),
    ],
)
async def test_address_is_that_of_the_connection_without_a_proxy(peer: str | None, counted: str) -> None:
    for kind in ("http", "websocket"):
        assert await address_of(peer, kind=kind) == counted
        assert await address_of(peer, ["203.0.113.9"], (), kind) == counted


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8::1", "::2"])
async def test_forwarded_header_of_an_untrusted_peer_is_ignored(peer: str) -> None:
    assert await address_of(peer, ["203.0.113.9"]) == await address_of(peer)


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        ([" 203.0.113.9 "], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the client's own claim is on the left
        (["198.51.100.1", "203.0.113.9"], "203.0.113.9"),  # also in a separate header
        (["203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        (["203.0.113.9", "10.1.1.1", "2001:db8:ffff::7"], "203.0.113.9"),
        (["10.9.9.9, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        (["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),  # the request comes from a trusted proxy itself
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["203.0.113.9, unknown"], "10.0.0.1"),
        (["203.0.113.9, ,10.1.1.1"], "10.1.1.1"),
        (["203.0.113.9, 10.1.1.999"], "10.0.0.1"),
        (["203.0.113.9\xff\x00"], "10.0.0.1"),
        (["203.0.113.9; DROP"], "10.0.0.1"),
        (["٢٠٣.0.113.9".encode().decode("latin-1")], "10.0.0.1"),
        (["principal ci"], "10.0.0.1"),
    ],
)
async def test_address_is_the_last_untrusted_one_behind_trusted_proxies(forwarded: list[str], counted: str) -> None:
    assert await address_of("10.0.0.1", forwarded) == counted
    assert await address_of("::ffff:10.0.0.1", forwarded) == counted


async def test_clients_of_a_unix_socket_are_known_by_the_header_only_if_the_setting_names_them() -> None:
    async def address(trusted: str, *forwarded: str) -> str:
        proxies = setting_of(TRUSTED_PROXIES).read({"MCP_TRUSTED_PROXIES": trusted})
        return await address_of(None, forwarded, proxies, server=("/run/router.sock", None))

    assert await address("unix", "198.51.100.1, 203.0.113.9") == "203.0.113.9"
    assert await address("unix, 10.0.0.0/8", "203.0.113.9, 10.0.0.1") == "203.0.113.9"
    assert await address("unix") == "unix"
    assert await address("unix", "unix") == "unix"
    for others in ("", "127.0.0.1", "10.0.0.0/8, ::/0"):
        assert await address(others, "203.0.113.9") == "unix"


async def test_connection_that_was_reset_does_not_count_as_one_of_the_unix_socket() -> None:
    assert await address_of(None, ["203.0.113.9"], (UNIX_CLIENTS,), server=("127.0.0.1", 8000)) == "unknown"


async def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    assert await address_of("2001:db8:1:2::1") == await address_of("10.0.0.1", ["2001:db8:1:2:ffff::"])
    assert await address_of("2001:db8:1:2::1") != await address_of("2001:db8:1:3::1")


async def test_long_header_is_read_from_its_right_end_and_cached_only_in_part() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    address, nothing = Address(app, LOCAL), (None, None)
    for number in range(10):
        value = b"1.1.1.%d," % number * 10_000 + b"1.1.1.1," * 1000 + b"203.0.113.9"
        scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", value)]}
        await address(scope, *nothing)  # type: ignore[arg-type]
    assert address._caller_at.cache_info().currsize == 1
    assert await address_of("127.0.0.1", [value.decode()]) == "203.0.113.9"


def from_peer(app: ASGIApp, peer: str) -> ASGIApp:
    """Wraps the application so that requests come from `peer`."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope["client"] = (peer, 50_000)
        await app(scope, receive, send)

    return wrapped


@pytest.mark.parametrize("era", ERAS)
async def test_calls_are_counted_by_the_address_of_each_request(make_app: MakeApp, era: Era) -> None:
    async def who() -> str:
        return caller.get().key

    app = make_app(server_of(who), rate_limit="1/minute", trusted_proxies=LOCAL)
    async with opened(app) as http, connected(http, era) as mcp, AsyncExitStack() as stack:
        for address in ("203.0.113.1", "203.0.113.2"):
            http.headers["x-forwarded-for"] = f"198.51.100.7, {address}"
            called = await mcp.call_tool("who", {})
            assert called.structured_content == {"result": f"address {address}"}
            assert (await post(http, "who")).status_code == 429
        transport = AppTransport(from_peer(app, "192.0.2.1"))
        direct = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=BASE))
        direct.headers["x-forwarded-for"] = "203.0.113.3"
        assert (await post(direct, "who")).json() == {"result": "address 192.0.2.1"}
        direct.headers["x-forwarded-for"] = "203.0.113.4"
        assert (await post(direct, "who")).status_code == 429


async def test_address_is_not_read_without_rate_limits_and_authentication(make_app: MakeApp) -> None:
    async def who() -> str:
        return caller.get().key

    async with opened(make_app(server_of(who))) as http:
        assert (await post(http, "who")).json() == {"result": "address "}
