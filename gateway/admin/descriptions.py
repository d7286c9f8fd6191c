"""The servers as the admin API shows them: entry, state, tools, pins, never a value that may be a secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.admin.masks import masked
from gateway.admin.precondition import etag
from gateway.errors import LoadError, UnknownServer
from gateway.server import Server
from gateway.servers.registry import Registry
from gateway.upstream.pins.approval import differences, hash_of
from gateway.upstream.pins.file import read as read_pins
from gateway.upstream.server import UpstreamServer
from gateway.upstream.servers_file.document import Entry, ServersDocument

Held = dict[str, tuple[Server | None, str]]
_STATES = {"ok": "ready"}
_NONE: tuple[None, str] = (None, "")
_OF_STATUS = ("reason", "lastReason", "processes", "instances")


class Descriptions:
    """`document` is the file at the moment."""

    def __init__(self, registry: Registry, pins_file: str) -> None:
        self._registry = registry
        self._pins_file = pins_file

    def all(self, document: ServersDocument) -> list[dict[str, Any]]:
        """Returns the servers of the registry, and the entries that are not served, by name."""
        held = self._held()
        return [self._one(name, document, held) for name in sorted({*document.entries, *held})]

    def one(self, name: str, document: ServersDocument) -> dict[str, Any]:
        """Raises UnknownServer."""
        held = self._held()
        if name not in document.entries and name not in held:
            raise UnknownServer(name, sorted({*document.entries, *held}))
        return self._one(name, document, held)

    def _one(self, name: str, document: ServersDocument, all_held: Held) -> dict[str, Any]:
        """An entry that runs a version has the state of its server, and `runs` with its own."""
        entry, served_as = document.entries.get(name), document.served_as(name)
        server, held = all_held.get(served_as, _NONE)
        state = self._state(served_as, entry, held)
        found: dict[str, Any] = {"name": name, "source": _source(entry, server), **state}
        if name in document.runs:
            version = document.runs[name][1]
            own = server.status.get("versions", {}).get(version, {}) if server is not None else {}
            found["runs"] = {"server": served_as, "version": version, **own}
        if server is not None:
            found |= _of_server(server)
            if found["state"] == "ready":
                word = server.status["status"]
                found["state"] = _STATES.get(word, word)
        if entry is not None:
            found |= {"pins": {"policy": entry.get("pin", "off")}, "entry": masked(entry), "etag": etag(entry)}
        if server is not None and entry is not None and "changed" in server.status:
            found["pins"]["changed"] = server.status["changed"]
        return found

    def is_module(self, name: str, entries: Mapping[str, Entry]) -> bool:
        """Returns True for a server of this process, which no entry describes."""
        server, _ = self._held().get(name, _NONE)
        return name not in entries and server is not None and not isinstance(server, UpstreamServer)

    def pending(self, name: str) -> dict[str, Any]:
        """Returns the tools that wait to be approved, as diffs, and the hash of all of them. Called in a thread."""
        try:
            server = read_pins(Path(self._pins_file)).servers.get(name) if self._pins_file else None
        except LoadError:
            server = None
        if server is None:
            return {}
        return {"approved": len(server.approved), "pending": differences(server), "hash": hash_of(server.pending)}

    def _held(self) -> Held:
        return {server.name: (server, state) for server, state in self._registry.used()}

    def _state(self, name: str, entry: Entry | None, held: str) -> dict[str, Any]:
        """Returns the state, with the reason if the file says something else than what is served."""
        if entry is not None and entry.get("disabled"):
            return {"state": "disabled"}
        failure = self._registry.stale.get(name)
        if not held:
            return {"state": "failing", "reason": failure} if failure else {"state": "not-served"}
        if failure is not None:
            return {"state": "stale", "reason": failure}
        return {"state": held}


def _source(entry: Entry | None, server: Server | None) -> str:
    if entry is None:
        return "file" if isinstance(server, UpstreamServer) else "module"  # the file is ahead of what is served
    return "api" if entry.get("source") == "api" else "file"


def _of_server(server: Server) -> dict[str, Any]:
    status = server.status
    found: dict[str, Any] = {"tools": [tool["name"] for tool in server.tools()], "sessions": server.sessions}
    if isinstance(server, UpstreamServer):
        found |= {"era": server.era, "restarts": max(0, status.get("starts", 0) - 1)}
        found |= {key: status[key] for key in _OF_STATUS if key in status}
    return found
