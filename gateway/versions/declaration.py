"""The declaration of a version by its author: `meta={"version": "2.1.0", "versions_of": "search"}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from gateway.errors import LoadError
from gateway.tool import Deprecation
from gateway.versions.pin import Pin
from gateway.versions.version import Version

VERSION = "version"
OF = "versions_of"
DEPRECATED = "deprecated"
DECLARED = (VERSION, OF, DEPRECATED)
_FIELDS = ("since", "sunset", "use", "why")
Meta = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Declared:
    """`name` is the public name of the tool, which all its versions have."""

    name: str
    version: Version
    deprecation: Deprecation | None

    @classmethod
    def of(cls, tool: str, meta: Meta) -> Declared | None:
        """Returns None for a tool without a version. Raises ValueError, which says why."""
        if not meta or not declares(meta):
            return None
        text, name = meta.get(VERSION), meta.get(OF, tool)
        if not isinstance(text, str):
            raise ValueError(f"`version` must be a string like '2.1.0', not {text!r}")
        if not isinstance(name, str) or not name:
            raise ValueError(f"`versions_of` must be the name of the tool, not {name!r}")
        try:
            version = Version.of(text)
        except ValueError as exc:
            raise ValueError(f"`version`: {exc}") from exc
        return cls(name, version, deprecation_of(meta[DEPRECATED]) if DEPRECATED in meta else None)


def declares(meta: Meta) -> bool:
    """Returns True if the `_meta` of a tool declares a version, rightly or not."""
    return bool(meta) and (VERSION in meta or OF in meta)  # type: ignore[operator]


def check(where: str, tools: Iterable[tuple[str, Meta]], own_list: bool = False) -> None:
    """Checks the versions of a server's tools, given as name and `_meta`. `where` is for the message.

    Raises:
        LoadError: a declaration is wrong, or those of one name do not go together; or the author's own code lists the
            tools (`own_list`), which could not be shown by their versions then.
    """
    found, faults = sorted_out(tools)
    for name, each in found.items():
        fault = missing_successor(each, [other.version for other in found.values() if other.name == each.name])
        faults += [f"tool {name!r}: {fault}"] if fault else []
    if faults:
        raise LoadError(f"{where}: {faults[0]}")
    if own_list and any(each.name != name for name, each in found.items()):
        raise LoadError(f"{where}: a server that lists its tools itself, or has middleware, cannot have versions")


def sorted_out(tools: Iterable[tuple[str, Meta]]) -> tuple[dict[str, Declared], list[str]]:
    """Returns the tools that have a version, by their own names, and what is wrong with those that are left out."""
    groups: dict[str, dict[str, Declared]] = {}
    plain: set[str] = set()
    faults: list[str] = []
    for name, meta in tools:
        try:
            declared = Declared.of(name, meta)
        except ValueError as exc:
            faults.append(f"tool {name!r}: {exc}")
            continue
        if declared is None:
            plain.add(name)
        else:
            groups.setdefault(declared.name, {})[name] = declared
    for public, group in groups.items():
        reason = "a tool of this name has no `version`" if public in plain else ""
        while group and (fault := reason or conflict([*group.values()])):
            faults.append(f"the versions of tool {public!r}: {fault}")
            group.popitem()  # that which came last
    return {name: each for group in groups.values() for name, each in group.items()}, faults


def conflict(versions: Sequence[Declared]) -> str:
    """Returns what is wrong with the versions of one tool; empty if nothing is."""
    found = sorted((each.version for each in versions), key=lambda version: version.order)
    for one, other in pairwise(found):
        if one.is_date != other.is_date:
            return f"{one.text} and {other.text}: either all are dates, or none"
        if one.order == other.order:
            return f"{one.text} and {other.text} are the same"
    return ""


def missing_successor(each: Declared, versions: Iterable[Version]) -> str:
    """Returns what is wrong with the version that shall be used instead; empty if nothing is."""
    use = each.deprecation.use if each.deprecation is not None else ""
    try:
        pin = Pin(use) if use else None
    except ValueError as exc:
        return f"`deprecated.use`: {exc}"
    if pin is None or any(pin.matches(version) for version in versions if version != each.version):
        return ""
    return f"`deprecated.use`: there is no other version {use!r}"


def deprecation_of(declared: Any) -> Deprecation:
    """Raises ValueError for what is no object like `{"since": "2026-12-01", "sunset": "2027-06-01"}`."""
    if not isinstance(declared, Mapping) or not all(isinstance(value, str) for value in declared.values()):
        raise ValueError('`deprecated` must be an object of strings like {"since": "2026-12-01"}')
    if unknown := [key for key in declared if key not in _FIELDS]:
        raise ValueError(f"`deprecated` has an unknown field {unknown[0]!r}; its fields are {', '.join(_FIELDS)}")
    if "since" not in declared:
        raise ValueError("`deprecated.since` is missing, the date of the deprecation")
    since = _time("since", declared["since"])
    sunset = _time("sunset", declared["sunset"]) if "sunset" in declared else None
    if sunset is not None and sunset < since:
        raise ValueError("`deprecated.sunset` must not be before `deprecated.since`")
    return Deprecation(since, sunset, declared.get("use", ""), declared.get("why", ""))


def _time(field: str, text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"`deprecated.{field}` must be a date like '2026-12-01', not {text!r}") from exc
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
