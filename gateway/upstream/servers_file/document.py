"""The text of the file of servers. A change of one entry leaves the text of the others as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.errors import LoadError
from gateway.upstream.config import entries_in, server_name
from gateway.upstream.versions.described import entry_of, versions_in

Entry = Mapping[str, Any]
_SPACE = re.compile(r"[ \t\r\n]*")
_CONTAINERS = ("mcpServers", "servers")


class _Member(NamedTuple):
    """One `"key": value` of an object, by its places in the text."""

    key: str
    start: int
    value: int
    end: int


class ServersDocument:
    """The file as it was read. `entries` are as written, by the names of the servers in URLs.

    `runs` has the server and the version which an entry runs that is not served under its own name.
    """

    def __init__(self, path: Path, text: str) -> None:
        """Raises LoadError if the text has no servers, and ValueError if it is no JSON."""
        self.text = text
        self._path = path
        self._document = json.loads(text)
        self._keys = {server_name(key): key for key in entries_in(path, self._document)}
        self.entries: Mapping[str, Entry] = {
            name: entries_in(path, self._document)[key] for name, key in self._keys.items()
        }
        self.runs: Mapping[str, tuple[str, str]] = {
            entry_of(target): (server_name(key), version)
            for key, versions in (versions_in(self._document) or {}).items()
            for version, target in versions.items()
        }

    def served_as(self, name: str) -> str:
        """Returns the name of the server that an entry is, or of which it runs a version."""
        return self.runs[name][0] if name in self.runs else name

    def with_entry(self, name: str, entry: Entry | None) -> ServersDocument:
        """Returns the document with this entry in place of the present one; without one for None."""
        key = self._keys.get(name, name)
        start = self._container()
        if entry is not None:
            return ServersDocument(self._path, _set(self.text, start, key, entry))
        text = self.text
        while any(member.key == key for member in _members(text, start)[0]):
            text = _removed(text, start, key)
        return ServersDocument(self._path, text)

    def _container(self) -> int:
        """Returns the place of the object that has the entries."""
        start = _SPACE.match(self.text, 0).end()  # type: ignore[union-attr]
        for key in _CONTAINERS:
            if isinstance(self._document.get(key), dict):
                return [member.value for member in _members(self.text, start)[0] if member.key == key][-1]
        return start


def _members(text: str, start: int) -> tuple[list[_Member], int]:
    """Returns the members of the object at `start`, and the place of its closing brace."""
    found: list[_Member] = []
    decode = json.JSONDecoder().raw_decode
    place = _skip(text, start + 1)
    while text[place] != "}":
        begin = _skip(text, place + 1) if text[place] == "," else place
        key, end = decode(text, begin)
        value = _skip(text, _skip(text, end) + 1)
        end = decode(text, value)[1]
        found.append(_Member(key, begin, value, end))
        place = _skip(text, end)
    return found, place


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match is not None else place


def _set(text: str, start: int, key: str, entry: Entry) -> str:
    members, close = _members(text, start)
    outer = _line_indent(text, start)
    inner = _own_line_indent(text, members[0].start) if members else _first_indent(text, outer)
    written = _written(text, entry, inner, outer)
    for member in reversed(members):
        if member.key == key:
            return text[: member.value] + written + text[member.end :]
    line = f"{json.dumps(key)}: {written}"
    if members:
        gap = f",\n{inner}" if inner is not None else ", "
        return text[: members[-1].end] + gap + line + text[members[-1].end :]
    body = f"\n{inner}{line}\n{outer}" if inner is not None else line
    return text[: start + 1] + body + text[close:]


def _removed(text: str, start: int, key: str) -> str:
    members, close = _members(text, start)
    index = [member.key for member in members].index(key)
    if index > 0:
        return text[: members[index - 1].end] + text[members[index].end :]
    if len(members) > 1:
        return text[: members[0].start] + text[members[1].start :]
    return text[: start + 1] + text[close:]


def _written(text: str, entry: Entry, inner: str | None, outer: str) -> str:
    ascii_only = text.isascii()
    if inner is None:
        return _dumped(entry, ascii_only, None)
    unit = inner[len(outer) :] if inner.startswith(outer) and inner != outer else "  "
    return _dumped(entry, ascii_only, unit).replace("\n", f"\n{inner}")


def _dumped(entry: Entry, ascii_only: bool, indent: str | None) -> str:
    """Raises LoadError for a number that JSON cannot carry."""
    try:
        found = json.dumps(entry, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
        found.encode()
    except UnicodeEncodeError:
        return json.dumps(entry, indent=indent)
    except ValueError as exc:
        raise LoadError("an entry has a number that JSON cannot carry") from exc
    return found


def _line_indent(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip())]


def _own_line_indent(text: str, place: int) -> str | None:
    """Returns the white space before a member that begins its line; None if it does not."""
    line = text.rfind("\n", 0, place)
    before = text[line + 1 : place]
    return before if line >= 0 and not before.strip() else None


def _first_indent(text: str, outer: str) -> str | None:
    return outer + (outer or "  ") if "\n" in text.strip() else None
