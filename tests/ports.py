"""Ports of the loopback interface."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Returns a port that is not in use, for a program that must know its port before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
