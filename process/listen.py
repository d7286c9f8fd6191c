"""The sockets that the process listens on: those that systemd passes, else a Unix socket, else a TCP port."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager

from process.unix_socket import BACKLOG, listen_on_file
from settings.values import Settings

IP = (socket.AF_INET, socket.AF_INET6)
LOOPBACK = ("127.0.0.1", "::1")
FIRST_PASSED = 3
"""The first descriptor that systemd passes."""
_PORT_ATTEMPTS = 20
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors for an address that this machine does not have."""


@contextmanager
def listening(settings: Settings, environ: MutableMapping[str, str]) -> Iterator[list[socket.socket]]:
    """Provides the listening sockets, the one of the metrics last.

    Raises:
        OSError: with a message that names the setting and says what to do.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(listener) for listener in passed_sockets(environ)]
        if not sockets and settings.uds:
            sockets = [stack.enter_context(listen_on_file(settings.uds, settings.uds_mode))]
        elif not sockets:
            sockets = [stack.enter_context(listener) for listener in listen(settings.host, settings.port)]
        if settings.metrics_port:
            own = listen(settings.host, settings.metrics_port, "MCP_METRICS_PORT")
            sockets += [stack.enter_context(listener) for listener in own]
        yield sockets


def listen(host: str, port: int, setting: str = "PORT") -> list[socket.socket]:
    """Returns a listening socket for each address of `host` that this machine has, all on one port.

    `localhost` is 127.0.0.1 and ::1, as a client may try either. An IPv6 address may stand in brackets.

    Raises:
        OSError: with a message that names `setting` and says what to do.
    """
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    addresses = LOOPBACK if host == "localhost" else _addresses(host)
    attempts = 1 if port else _PORT_ATTEMPTS  # a port that is free at one address may be in use at another
    while True:
        attempts -= 1
        try:
            return _listen_on_each(addresses, port)
        except OSError as exc:
            if attempts and exc.errno == errno.EADDRINUSE:
                continue
            reason = (exc.strerror or str(exc)).lower()
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise OSError(
                f"{setting}={port}: cannot listen on {place}, {reason}; set another {setting} or HOST"
            ) from exc


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as exc:
        raise OSError(f"HOST={host!r}: no such host; use 127.0.0.1, or 0.0.0.0 for all addresses") from exc
    return tuple(str(place[0]) for *_, place in found)


def _listen_on_each(addresses: Iterable[str], port: int) -> list[socket.socket]:
    """Raises OSError if the port is in use at an address, or if the machine has none of the addresses."""
    absent = None
    with ExitStack() as stack:
        listeners: list[socket.socket] = []
        for address in dict.fromkeys(addresses):
            try:
                listeners.append(stack.enter_context(_listen_on(address, port)))
            except OSError as exc:
                if exc.errno not in _ABSENT:
                    raise
                absent = exc
                continue
            port = listeners[0].getsockname()[1]
        if absent is not None and not listeners:
            raise absent
        stack.pop_all()
    return listeners


def _listen_on(address: str, port: int) -> socket.socket:
    (family, kind, _, _, place), *_ = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    # Not 0 for the protocol: asyncio sets TCP_NODELAY on connections only if the listener's protocol is TCP by name.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def passed_sockets(environ: MutableMapping[str, str], first: int = FIRST_PASSED) -> list[socket.socket]:
    """Returns the sockets that systemd passes (`LISTEN_FDS`), and removes its variables from `environ`.

    There are none without socket activation, or if the variables are those of another process.

    Raises:
        OSError: a descriptor is no listening stream socket.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        return []
    if not (count.isascii() and count.isdigit()):
        raise OSError(f"LISTEN_FDS={count!r}: expected the number of passed sockets")
    return [_passed(descriptor) for descriptor in range(first, first + int(count))]


def _passed(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError:
        listener = None
    if listener is None or not _accepts(listener):
        if listener is not None:
            listener.close()
        remedy = "its .socket unit needs ListenStream= and Accept=no"
        raise OSError(f"LISTEN_FDS: descriptor {descriptor} is not a listening stream socket; {remedy}")
    listener.set_inheritable(False)  # programs that a tool starts must not keep it open
    return listener


def _accepts(listener: socket.socket) -> bool:
    is_stream = listener.family in (*IP, socket.AF_UNIX) and listener.type == socket.SOCK_STREAM
    return is_stream and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
