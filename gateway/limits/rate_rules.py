"""The rules of `MCP_RATE_LIMIT`: how many calls each caller may make to which tools, in which windows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from gateway.clock import Quota
from gateway.errors import LoadError
from gateway.versions.pin import Pin
from gateway.versions.version import Version
from gateway.wildcard import Wildcard

DEFAULT = "default"
MAX_CALLS = 100_000
MAX_SECONDS = 366 * 24 * 60 * 60
_PATTERN = re.compile(r"[A-Za-z0-9_*-]+:[A-Za-z0-9_*./:@^-]+")
_LIMIT = re.compile(r"([0-9]+)\s*(?:/|per)\s*([0-9]*)\s*([a-z]+)", re.IGNORECASE)
_DAY = 24 * 60 * 60
_UNITS = {"second": 1, "minute": 60, "hour": 60 * 60, "day": _DAY, "month": 30 * _DAY, "year": 12 * 30 * _DAY}


class Limit(NamedTuple):
    """At most `calls` in any period of `seconds`. Sorts by length."""

    seconds: int
    calls: int


class Window(NamedTuple):
    """One caller's count under one limit, stored as `key`."""

    key: str
    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Rule:
    """The quotas, shortest first, of each caller for the tools that match `name`. A call must pass all of them."""

    name: str
    quotas: Sequence[Quota]

    def windows(self, who: str) -> Sequence[Window]:
        """Returns the windows of one caller, in the order of `quotas`."""
        return [Window(f"{self.name}/{who}/{calls}/{seconds}", calls, seconds) for _, calls, seconds in self.quotas]


class Rules:
    """Reads `100/minute; math:*=1000/minute`. An entry with a pattern overrides the default, which has no pattern.
    `math:search@1` is for the versions of a tool that this pin matches.

    If several patterns match, the most specific one counts: a plain name before a pattern, then the one with more
    letters, then the one written first. Entries of the same pattern count together, and so do several windows in one
    entry (`10/second, 100/minute`).

    Raises:
        LoadError: names the piece that cannot be read and says what was expected.
    """

    def __init__(self, text: str) -> None:
        entries: dict[str, set[Limit]] = {}
        for entry in filter(None, map(str.strip, text.split(";"))):
            pattern, equals, limits = entry.rpartition("=")
            pattern = pattern.strip()
            if equals and not _PATTERN.fullmatch(pattern):
                raise _wrong(entry, "expected server:tool in front of the =, with * for any text")
            entries.setdefault(pattern or DEFAULT, set()).update(map(_limit, limits.split(",")))
        if not entries:
            raise _wrong(text, "expected a limit, like 100/minute")
        default = entries.pop(DEFAULT, None)
        self._default = _rule(DEFAULT, default) if default else None
        self._overrides: list[tuple[Wildcard, _Tools, Rule]] = []
        for pattern in sorted(entries, key=lambda pattern: ("*" in pattern, -len(pattern.replace("*", "")))):
            server, _, tool = pattern.partition(":")
            self._overrides.append((Wildcard(server), _Tools(tool), _rule(pattern, entries[pattern])))

    @property
    def window_count(self) -> int:
        """The number of windows that one caller can have, over all rules."""
        rules = [rule for _, _, rule in self._overrides] + ([self._default] if self._default else [])
        return sum(len(rule.quotas) for rule in rules)

    def find(self, server: str, tool: str, version: str = "") -> Rule | None:
        """Returns the rule for calls to `tool`, or None if they are not limited. `tool` may be any text of a client."""
        for server_pattern, tool_pattern, rule in self._overrides:
            if server_pattern.matches(server) and tool_pattern.matches(tool, version):
                return rule
        return self._default


class _Tools:
    """The tools of a pattern: by their names, or by their names and versions, as in `search@1`."""

    def __init__(self, pattern: str) -> None:
        base, _, version = pattern.rpartition("@")
        self._names = Wildcard(pattern)
        self._base = Wildcard(base)
        self._versions: Pin | None = None
        with suppress(ValueError):
            self._versions = Pin(version) if base else None

    def matches(self, tool: str, version: str) -> bool:
        if self._names.matches(tool):
            return True
        if self._versions is None or not version:
            return False
        return self._base.matches(tool) and self._versions.matches(Version.of(version))


def _limit(text: str) -> Limit:
    """Reads `100/minute`, `10 per 5 seconds`. Units may be plural and in any case. A month is 30 days, a year 360."""
    match = _LIMIT.fullmatch(text.strip())
    unit = _UNITS.get(match[3].lower().removesuffix("s")) if match else None
    if match is None or unit is None:
        raise _wrong(text, "expected a number of calls and a time, like 100/minute or 10 per 5 seconds")
    try:
        calls, seconds = int(match[1]), unit * (int(match[2] or 1) or 1)
    except ValueError:  # int() refuses more than 4,300 digits
        calls = seconds = 0
    if not 1 <= calls <= MAX_CALLS or not 1 <= seconds <= MAX_SECONDS:
        raise _wrong(text, f"expected from 1 to {MAX_CALLS} calls in at most a year")
    return Limit(seconds, calls)


def _wrong(piece: str, expected: str) -> LoadError:
    return LoadError(f"MCP_RATE_LIMIT: {piece.strip()!r}: {expected}")


def _rule(name: str, limits: Iterable[Limit]) -> Rule:
    ordered = sorted(limits)
    alone = len(ordered) == 1
    return Rule(name, [Quota(name if alone else f"{name}/{seconds}", calls, seconds) for seconds, calls in ordered])
