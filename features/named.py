"""The servers that the settings name: files, entries of the file of servers, and versions of entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import LoadError
from gateway.local.discovery import Found as ServerFile
from gateway.local.discovery import discover
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.upstream.config import Upstream
    from gateway.upstream.versions.described import Described, Member

Versioned = Mapping[str, "tuple[Member, ...]"]
"""The entries that run the versions of a server's tools, by the name of the server."""


class Named(NamedTuple):
    """The servers that are wanted: files, not loaded yet, entries, and versions of entries."""

    files: Mapping[str, ServerFile]
    upstream: Mapping[str, Upstream]
    versioned: Versioned


def name_servers(settings: Settings) -> Named:
    """Raises LoadError if a file or a name cannot be served."""
    described = _described(settings)
    names = [*described.upstream, *described.versioned] if described is not None else []
    only = [name for name in settings.servers if name not in names]
    needs_folders = bool(only) or not settings.servers
    found = discover(settings.servers_dir, only, settings.servers_file) if needs_folders else []
    files = {server.name: server for server in found}
    for name in names:
        if name in files:
            raise LoadError(f"MCP_SERVERS_FILE: the name {name!r} is taken by a file of MCP_SERVERS_DIR")
    wanted = _wanted(settings, files, described)
    entries = entries_of(wanted.upstream, wanted.versioned)
    pinned = [name for name, entry in entries if entry.pin != "off"]
    if pinned and not settings.pins_file:
        raise LoadError(f"MCP_PINS_FILE is not set, which `pin` of server {pinned[0]!r} in MCP_SERVERS_FILE needs")
    exchanging = [name for name, entry in entries if entry.exchanges_tokens]
    if exchanging and not settings.auth_issuer:
        name = exchanging[0]
        raise LoadError(f"MCP_AUTH_ISSUER is not set, which `auth` of server {name!r} in MCP_SERVERS_FILE needs")
    return wanted


def entries_of(upstream: Mapping[str, Upstream], versioned: Versioned) -> Sequence[tuple[str, Upstream]]:
    """Returns the entries that are used, also those that run a version, with their names."""
    versions = [member for members in versioned.values() for member in members]
    return [*upstream.items(), *((member.name, member.entry) for member in versions)]


def watched(settings: Settings) -> Sequence[Path]:
    """Returns the paths that may say something else later: folders, their modules, and the file of entries."""
    folders = [Path(folder) for folder in settings.servers_dir]
    modules = [path for folder in folders for pattern in ("*.py", "*/*.py") for path in folder.glob(pattern)]
    return [*folders, *modules, *([Path(settings.servers_file)] if settings.servers_file else [])]


def _wanted(settings: Settings, files: Mapping[str, ServerFile], described: Described | None) -> Named:
    if described is None:
        return Named(files, {}, {})
    left_out = {*described.upstream, *described.versioned} - {*settings.servers} if settings.servers else set()
    upstream = {name: entry for name, entry in described.upstream.items() if name not in left_out}
    versioned = {name: members for name, members in described.versioned.items() if name not in left_out}
    return Named(files, upstream, versioned)


def _described(settings: Settings) -> Described | None:
    if not settings.servers_file:
        return None
    from gateway.upstream.versions.described import read_servers

    return read_servers(Path(settings.servers_file))
