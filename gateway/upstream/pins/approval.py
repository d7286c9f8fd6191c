"""Approves the tools of a server that are new or changed: exactly those that somebody has seen."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from gateway.errors import LoadError
from gateway.upstream.pins.definition import Pin, difference
from gateway.upstream.pins.file import PinsOfServer, editing


def differences(server: PinsOfServer) -> dict[str, list[str]]:
    """Returns a unified diff for each tool that waits, by its own name."""
    pending = sorted(server.pending.items())
    return {name: difference(server.approved.get(name), pin) for name, pin in pending}


def hash_of(pending: Mapping[str, Pin]) -> str:
    """Returns what names exactly these tools as they wait to be approved; empty if none does."""
    lines = [f"{pin.sha256} {name!a}\n" for name, pin in sorted(pending.items())]
    return sha256("".join(lines).encode()).hexdigest() if lines else ""


def approve(file: Path, name: str, seen: str) -> int:
    """Approves the tools that `hash_of` has named. Returns their number.

    Raises:
        LoadError: others wait now, or the file cannot be used.
    """
    with editing(file) as now:
        server = now.servers.get(name)
        if server is None or hash_of(server.pending) != seen:
            raise LoadError("the tools have changed again meanwhile; nothing was approved")
        count = len(server.pending)
        server.approved = {**server.approved, **server.pending}
        server.pending = {}
    return count
