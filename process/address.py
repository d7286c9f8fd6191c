"""The addresses that the router listens on, as its clients name them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from process.listen import IP
from settings.values import Settings

logger = logging.getLogger(__name__)


def allowed_hosts(settings: Settings) -> tuple[str, ...]:
    """Returns the hosts that the settings allow, and the one address or name that HOST gives.

    Like `localhost` it is safe from DNS rebinding: no page of another name can send it.
    """
    own = settings.host.strip("[]")
    is_one = own != "*" and not _is_unspecified(own)  # as a Host that is allowed, * is every one
    return (*settings.allowed_hosts, own) if is_one else settings.allowed_hosts


def _is_unspecified(host: str) -> bool:
    return _is_address(host) and ip_address(host.partition("%")[0]).is_unspecified


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def url_of(listener: socket.socket, host: str = "") -> str:
    """Returns a URL that a client on this machine can open; `http://localhost` for a Unix socket.

    A name that HOST gives stays in it: requests to its address would have a Host that is not allowed.
    """
    if listener.family not in IP:
        return "http://localhost"
    address, port = listener.getsockname()[:2]
    is_name = bool(host) and host != "localhost" and not _is_address(host.strip("[]"))
    return url_at(host if is_name else address, port)


def url_at(host: str, port: int) -> str:
    """Returns the URL of a host; that of this machine if it stands for all addresses."""
    host = host.strip("[]")
    if _is_unspecified(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def public_address(sockets: Iterable[socket.socket]) -> str:
    """Returns the first address that other machines can reach, empty if there is none."""
    for listener in sockets:
        if listener.family in IP:
            address, port = listener.getsockname()[:2]
            if not is_loopback(address):
                return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return ""


def is_loopback(host: str) -> bool:
    """Returns True for `localhost` and the addresses of this machine alone."""
    return ip_address(host.partition("%")[0]).is_loopback if _is_address(host) else host == "localhost"


def warn_of_open_address(address: str) -> None:
    """Logs that authentication is off at an address that other machines can reach."""
    logger.warning(
        "authentication is off, and everyone who reaches %s can call every tool; "
        "set MCP_AUTH_KEYS or MCP_AUTH_ISSUER, or listen on 127.0.0.1",
        address,
    )
