"""A client must not get past the proxy: no request inside a body, no header behind one."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from tests.process.live.router import Router
from tests.proxies.conftest import Behind
from tests.proxies.proxy import Proxy

pytestmark = pytest.mark.proxies

PASSES_ANY_UPGRADE = {
    '    "~*^websocket$" websocket;\n    default "";': "    default $http_upgrade;",
    '    websocket upgrade;\n    default "";': '    default upgrade;\n    "" "";',
}
"""What most guides say about WebSocket, in place of our own lines."""
HIDDEN = (
    b"GET /tools HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.66\r\nX-Request-ID: SMUGGLED\r\n"
    b"Authorization: Bearer wrong\r\n\r\n"
)


def exchange(proxy: Proxy, *parts: bytes) -> bytes:
    """Sends the parts on one connection, and returns the beginning of the answer."""
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=30, source_address=("127.0.0.2", 0)) as plain,
        proxy.context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        with suppress(OSError):
            for part in parts:
                connection.sendall(part)
        return connection.recv(65536)


def refused(router: Router) -> list[str]:
    """Returns the addresses of all refused requests."""
    return [event["address"] for event in router.events() if event["event"] == "refused"]


def try_to_smuggle(proxy: Proxy, upgrade: bytes = b"foo") -> None:
    for size in (20_000, 60_000, 200_000, 500_000, 1_000_000, 2_000_000, 3_000_000) * 2:
        body = b"\r\n" * (size // 2) + HIDDEN
        head = (
            b"POST /echo/mcp/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer wrong\r\nConnection: upgrade\r\nUpgrade: %b\r\nContent-Length: %d\r\n\r\n"
        )
        exchange(proxy, head % (upgrade, len(body)), body)


def test_body_behind_an_upgrade_is_no_request_for_nginx_as_guides_configure_it(behind: Behind, guarded: Router) -> None:
    try_to_smuggle(behind("nginx", guarded, PASSES_ANY_UPGRADE))
    assert "SMUGGLED" not in guarded.log()
    assert set(refused(guarded)) == {"127.0.0.2"}


@pytest.mark.parametrize("name", ["nginx", "haproxy", "caddy"])
def test_body_behind_an_upgrade_is_no_request_as_we_configure_the_proxy(
    name: str, behind: Behind, guarded: Router
) -> None:
    proxy = behind(name, guarded)
    for upgrade in (b"foo", b"h2c"):
        try_to_smuggle(proxy, upgrade)
    assert "SMUGGLED" not in guarded.log()
    assert set(refused(guarded)) <= {"127.0.0.2"}


def send_trailers(proxy: Proxy) -> None:
    for number in range(10):
        answer = exchange(
            proxy,
            b"POST /math/mcp/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer wrong\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-Forwarded-For: 198.51.100.%d\r\n\r\n" % number,
        )
        assert answer.startswith(b"HTTP/1.1 401 ")


def test_trailer_is_no_header_through_haproxy(behind: Behind, guarded: Router) -> None:
    send_trailers(behind("haproxy", guarded))
    assert refused(guarded) == ["127.0.0.2"] * 10


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_trailer_is_no_header_through_other_proxies(name: str, behind: Behind, guarded: Router) -> None:
    send_trailers(behind(name, guarded))
    assert refused(guarded) == ["127.0.0.2"] * 10
