"""`"versions"` in the file of servers: the entries that run the versions of one server's tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import LoadError
from gateway.tool import Deprecation
from gateway.upstream.config import Upstream, read_document, read_upstreams, server_name, upstreams_in
from gateway.versions.declaration import Declared, conflict, deprecation_of, missing_successor
from gateway.versions.version import Version

_CONTAINERS = ("mcpServers", "servers")
_FIELDS = frozenset({"server", "deprecated"})
_EXPECTED = '{"NAME": {"1.0.0": "ENTRY", "2.0.0": "ENTRY"}}'


@dataclass(frozen=True, slots=True)
class Member:
    """The entry `name`, which runs one version of every tool that it has. `deprecated` is written as in the file."""

    version: Version
    name: str
    entry: Upstream
    deprecation: Deprecation | None = None
    deprecated: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Described:
    """The servers of the file by their names: entries, and those whose tools have versions, the highest first.

    An entry that runs a version is not served under its own name.
    """

    upstream: Mapping[str, Upstream]
    versioned: Mapping[str, tuple[Member, ...]]


def read_servers(path: Path) -> Described:
    """Returns what the file describes, without the entries that are disabled.

    Raises:
        LoadError: the file cannot be read, or something in it is not valid.
    """
    document = read_document(path)
    declared = versions_in(document)
    if declared is None:
        return Described(read_upstreams(path), {})
    entries = upstreams_in(path, document)
    versioned: dict[str, tuple[Member, ...]] = {}
    for key, versions in declared.items():
        versioned[_name(path, key, versioned)] = _members(f"{path}: versions of {key!r}", versions, entries)
    used = [member.name for members in versioned.values() for member in members]
    for name, members in versioned.items():
        if name in entries and name not in [member.name for member in members]:
            raise LoadError(f"{path}: versions of {name!r}: an entry that is none of them has this name")
    for name in used:
        if used.count(name) > 1:
            raise LoadError(f"{path}: versions: the entry {name!r} is named twice")
    enabled = {name: [each for each in members if not each.entry.disabled] for name, members in versioned.items()}
    alone = {name: entry for name, entry in entries.items() if name not in used and not entry.disabled}
    return Described(alone, {name: tuple(members) for name, members in enabled.items() if members})


def versions_in(document: Any) -> Mapping[str, Any] | None:
    """Returns what the file says of versions; None if it says nothing. Raises LoadError if that is no object."""
    if not isinstance(document, dict) or not any(isinstance(document.get(key), dict) for key in _CONTAINERS):
        return None  # each of its keys is a server
    if (declared := document.get("versions")) is None:
        return None
    if not isinstance(declared, dict) or not all(isinstance(each, dict) and each for each in declared.values()):
        raise LoadError(f"MCP_SERVERS_FILE: versions: expected {_EXPECTED}")
    return declared


def entry_of(target: Any) -> str:
    """Returns the name of the entry that a version names; empty if it names none."""
    named = target.get("server") if isinstance(target, dict) else target
    try:
        return server_name(named) if isinstance(named, str) else ""
    except LoadError:
        return ""


def _name(path: Path, key: str, others: Mapping[str, Any]) -> str:
    name = server_name(key)
    if name in others:
        raise LoadError(f"{path}: versions: two servers would be named {name!r}")
    return name


def _members(place: str, versions: Mapping[str, Any], entries: Mapping[str, Upstream]) -> tuple[Member, ...]:
    """Returns the versions of one server, the highest first. Raises LoadError."""
    members = [_member(place, text, target, entries) for text, target in versions.items()]
    declared = [Declared("", member.version, member.deprecation) for member in members]
    all_versions = [member.version for member in members]
    faults = [conflict(declared), *(missing_successor(each, all_versions) for each in declared)]
    for fault in filter(None, faults):
        raise LoadError(f"{place}: {fault}")
    return tuple(sorted(members, key=lambda member: member.version.order, reverse=True))


def _member(place: str, text: str, target: Any, entries: Mapping[str, Upstream]) -> Member:
    name = entry_of(target)
    if not name or (isinstance(target, dict) and target.keys() - _FIELDS):
        raise LoadError(f'{place}: {text!r}: expected the name of an entry, or {{"server": …, "deprecated": …}}')
    if name not in entries:
        raise LoadError(f"{place}: {text!r}: there is no entry {name!r}")
    try:
        version = Version.of(text)
        if not isinstance(target, dict) or "deprecated" not in target:
            return Member(version, name, entries[name])
        return Member(version, name, entries[name], deprecation_of(target["deprecated"]), target["deprecated"])
    except ValueError as exc:
        raise LoadError(f"{place}: {text!r}: {exc}") from exc
