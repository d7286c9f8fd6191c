"""A connection through a proxy: `CONNECT` (RFC 9110, 9.3.6), and TLS with the server itself inside of it."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from gateway.upstream.http.address import Origin
from gateway.upstream.http.proxy.choice import Proxy
from gateway.upstream.link import LinkFailure

MAX_HEAD = 16 * 1024


async def open_tunnel(
    proxy: Proxy, origin: Origin, tls: ssl.SSLContext, protocol: asyncio.Protocol
) -> asyncio.BaseTransport:
    """Returns the transport of `protocol`, which is connected to the origin.

    Raises:
        LinkFailure: the proxy refuses.
        OSError: there is no connection to the proxy, or TLS failed.
    """
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_connection(_Asking, proxy.host, proxy.port)
    try:
        target = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode("ascii")
        transport.write(head + proxy.authorization + b"\r\n")
        _check(await asking.head)
        inner = await loop.start_tls(transport, protocol, tls, server_hostname=origin.host)
    except BaseException:  # whatever it is, the connection to the proxy is not used
        transport.abort()
        raise
    if inner is None:  # the connection ended at the same time
        raise ConnectionResetError
    protocol.connection_made(inner)
    return inner


class _Asking(asyncio.Protocol):
    """Receives the proxy's answer. `head` is its end, or the reason why there is none."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.head.done():
            return
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end >= 0 or len(self._received) > MAX_HEAD:
            self._transport.pause_reading()  # what follows is for TLS
            is_alone = end == len(self._received) - 4
            self.head.set_result(self._received if is_alone or not _is_success(self._received) else b"")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.head.done():
            self.head.set_result(b"")


def _is_success(head: bytes) -> bool:
    return head[:7] == b"HTTP/1." and head[8:10] == b" 2"


def _check(head: bytes) -> None:
    """Raises LinkFailure unless the proxy has opened the tunnel. The reason has no text of the proxy's but a status."""
    if _is_success(head):
        return
    status = head[9:12].decode("latin-1")
    is_http = head[:7] == b"HTTP/1." and status.isascii() and status.isdigit()
    why = f"it answers with status {status}" if is_http else "its answer is not HTTP"
    raise LinkFailure(f"no connection through the proxy: {why}", was_sent=False)
