"""Which version a request means: the choice that every way in makes when it looks up its tool."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gateway.errors import GatewayError, InvalidRequest
from gateway.tool import VERSION_META, Entry
from gateway.versions.errors import UnknownVersion
from gateway.versions.pin import pin_of
from gateway.versions.version import Version

FAST_MCP = "fastmcp"
_SEPARATOR = "@"
_BOUND = re.compile(r"([0-9][0-9A-Za-z.-]*):(.*)", re.DOTALL)
Find = Callable[[str], Entry | None]


class Choice(NamedTuple):
    """The entry of a call, or else the `refusal` that its caller gets if authorization lets it pass.

    `asked` is the name with the version, if there was one. `state` is that of the version alone.
    """

    entry: Entry | None
    asked: str
    state: str | None
    refusal: GatewayError | None = None


def choose(
    find: Find, server: str, tool: str, wanted: str | None, state: str | None = None, *, found: Entry | None = None
) -> Choice:
    """Returns which version a request means that names `tool`, or `tool@version`, and may ask for a version besides.

    `state` is the `requestState` of a call that goes on; it goes on with the version that asked. `found` is what `find`
    returns for `tool`, if that is known.

    Raises:
        InvalidRequest: the version that is asked for is malformed.
    """
    entry = found or find(tool)
    if entry is None and _SEPARATOR in tool:
        base, _, named = tool.rpartition(_SEPARATOR)
        found = find(base)
        if found is not None and found.versions is not None:
            try:
                wanted = _one(wanted, named)
            except InvalidRequest as exc:  # told to those alone who may know of the tool
                return Choice(None, tool, state, exc)
            entry, tool = found, base
    if wanted is not None:
        pin = pin_of(wanted)
        wanted = pin.text
    asked = tool if wanted is None else f"{tool}{_SEPARATOR}{wanted}"
    if entry is None:
        return Choice(None, asked, state)
    if entry.versions is None:
        return Choice(entry, tool, state) if wanted is None else _without(server, entry, asked, wanted)
    try:
        if state is not None and (match := _BOUND.fullmatch(state)) is not None:
            return Choice(_asking(entry, server, match[1], wanted), asked, match[2] or None)
        return Choice(entry.versions.choose(wanted), asked, state)
    except GatewayError as exc:
        return Choice(None, asked, state, exc)


def bound(entry: Entry, state: str | None) -> str:
    """Returns a `requestState` that says which version asked. The version's own one is sealed for it alone."""
    return f"{entry.version}:{state or ''}"


def wanted_in(meta: Any) -> str | None:
    """Returns the version that the `_meta` of a native call asks for, in our field or in FastMCP's.

    Raises:
        InvalidRequest: it is no string, or both are there and differ.
    """
    if not isinstance(meta, Mapping):
        return None
    theirs = meta.get(FAST_MCP)
    named = theirs.get("version") if isinstance(theirs, Mapping) else None
    return _one(meta.get(VERSION_META), named)


def _one(one: Any, other: Any) -> str | None:
    """Returns the version that two places of a request name. Raises InvalidRequest if they differ."""
    if one is not None and other is not None and pin_of(one).text != pin_of(other).text:
        raise InvalidRequest("The request asks for two versions that differ.")
    wanted = one if one is not None else other
    return None if wanted is None else pin_of(wanted).text


def _without(server: str, entry: Entry, asked: str, wanted: str) -> Choice:
    return Choice(None, asked, None, UnknownVersion(server, entry.name, wanted))


def _asking(entry: Entry, server: str, version: str, wanted: str | None) -> Entry:
    """Returns the version that asked for input."""
    found = entry.versions.exact(version) if entry.versions is not None else None
    if found is None:
        known = [each.version for each in entry.versions.live()] if entry.versions is not None else []
        raise UnknownVersion(server, entry.name, version, known)
    if wanted is not None and not pin_of(wanted).matches(Version.of(version)):
        raise InvalidRequest("This `requestState` is of another version than the request asks for.")
    return found
