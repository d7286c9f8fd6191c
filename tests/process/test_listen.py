"""The sockets that the process listens on, without a process."""

from __future__ import annotations

import os
import socket

import pytest

from process.address import public_address, url_of
from process.listen import LOOPBACK, listen, listening, passed_sockets
from settings.values import Settings


def close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def addresses(listeners: list[socket.socket]) -> list[str]:
    return [listener.getsockname()[0] for listener in listeners]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_server_listens_on_the_given_address(host: str) -> None:
    (listener,) = listen(host, 0)
    with listener, socket.create_connection(listener.getsockname()[:2]):
        assert listener.getsockname()[0] == host.strip("[]")


def test_localhost_is_each_loopback_address_on_one_port() -> None:
    listeners = listen("localhost", 0)
    assert tuple(addresses(listeners)) == LOOPBACK
    assert len({listener.getsockname()[1] for listener in listeners}) == 1
    for listener in listeners:
        with socket.create_connection(listener.getsockname()[:2]):
            pass
    close(listeners)


def test_port_in_use_at_one_address_of_localhost_is_an_error() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"PORT={port}: cannot listen on localhost:{port}, address already in use"):
            listen("localhost", port)
        with socket.create_server(("127.0.0.1", port)):  # the socket of the other address was closed again
            pass


def test_connections_do_not_delay_small_packets() -> None:
    """asyncio sets TCP_NODELAY only on connections of a listener with the explicit protocol TCP."""
    for host in ("127.0.0.1", "localhost", "::1"):
        listeners = listen(host, 0)
        assert {listener.proto for listener in listeners} == {socket.IPPROTO_TCP}
        close(listeners)


@pytest.mark.parametrize(
    ("host", "part"),
    [
        ("127.0.0.1", "already in use; set another PORT or HOST"),
        ("203.0.113.7", "cannot assign requested address; set another PORT or HOST"),
        ("no.such.host.invalid", "no such host; use 127.0.0.1, or 0.0.0.0 for all addresses"),
        ("a..b", "no such host; use 127.0.0.1, or 0.0.0.0 for all addresses"),
        ("[::1", "no such host; use 127.0.0.1, or 0.0.0.0 for all addresses"),
    ],
)
def test_failure_to_listen_is_reported_with_a_remedy(host: str, part: str) -> None:
    (listener,) = listen("127.0.0.1", 0)
    with listener, pytest.raises(OSError, match=part):
        listen(host, listener.getsockname()[1])


def test_message_names_the_setting_of_the_port_that_is_taken() -> None:
    (listener,) = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with listener, pytest.raises(OSError, match=r"MCP_METRICS_PORT=\d+: cannot listen"):  # noqa: SIM117
        with listening(Settings(port=0, metrics_port=port), {}):
            pass


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_url_can_be_opened_on_this_machine(host: str, shown: str) -> None:
    listeners = listen(host, 0)
    port = listeners[0].getsockname()[1]
    assert url_of(listeners[0]) == f"http://{shown}:{port}"
    with socket.create_connection((shown.strip("[]"), port)):
        pass
    close(listeners)


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", ""), ("localhost", ""), ("::1", ""), ("0.0.0.0", "0.0.0.0:{port}"), ("::", "[::]:{port}")],
)
def test_only_an_address_that_other_machines_can_reach_is_public(host: str, public: str) -> None:
    listeners = listen(host, 0)
    assert public_address(listeners) == public.format(port=listeners[0].getsockname()[1])
    close(listeners)


def passed(pid: str = "", count: str = "1") -> dict[str, str]:
    """Returns systemd's variables, among others."""
    return {"LISTEN_PID": pid or str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": "a:b", "PATH": "/bin"}


@pytest.mark.parametrize("environ", [{"PATH": "/bin"}, passed(pid="1"), passed(count="0")])
def test_no_socket_is_taken_without_socket_activation_or_if_it_is_for_another_process(environ: dict[str, str]) -> None:
    assert passed_sockets(environ) == []
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        (passed(count="two"), "LISTEN_FDS='two': expected the number of passed sockets"),
        (passed(count="100000"), "LISTEN_FDS: descriptor .* is not a listening stream socket; its .socket unit needs"),
    ],
)
def test_wrong_variable_or_descriptor_is_reported(environ: dict[str, str], part: str) -> None:
    with pytest.raises(OSError, match=part):
        passed_sockets(environ)
    assert environ == {"PATH": "/bin"}


def test_datagram_or_connected_socket_is_not_a_listener() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagram, socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as connection:
            for wrong in (datagram, connection):
                with pytest.raises(OSError, match="is not a listening stream socket"):
                    passed_sockets(passed(), first=os.dup(wrong.fileno()))
        (listener,) = passed_sockets(passed(), first=os.dup(server.fileno()))
        with listener:
            assert listener.proto == socket.IPPROTO_TCP
            assert not listener.get_inheritable()
