"""Ports of the loopback interface."""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections, one of which could take a port before the program does."""

_random = random.SystemRandom()  # the processes of one run must not draw the same numbers


def free_port() -> int:
    """Returns a port that is not in use, for a program that must know its port before it starts."""
    while True:
        port = _random.choice(PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
