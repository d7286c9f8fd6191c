"""What `MCP_RATE_LIMIT` says: how many calls to which tools, in which windows. Needs `limits`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from limits import RateLimitItem, parse_many

from gateway.errors import LoadError, Quota
from gateway.wildcard import Wildcard

DEFAULT = "default"
MOST = 100_000
LONGEST = 366 * 24 * 60 * 60
_PATTERN = re.compile(r"[A-Za-z0-9_*-]+:[A-Za-z0-9_*./:-]+")


class Window(NamedTuple):
    """Where the calls of one caller are counted: at most `calls` in any time of so many `seconds`."""

    key: str
    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Each caller has a count of their own of the calls to the tools that `name`, a pattern, matches.

    A call passes where all `limits`, the shortest first, have a place for it. `quotas` say the same in words.
    """

    name: str
    limits: Sequence[RateLimitItem]
    quotas: Sequence[Quota]

    def windows(self, who: str) -> Sequence[Window]:
        """Those of one caller."""
        return [Window(limit.key_for(who), limit.amount, limit.get_expiry()) for limit in self.limits]


class Rules:
    """`100/minute; math:*=1000/minute`: entries with a pattern override the default, which is the one without.

    Of several that match, the most specific one counts: a name before a pattern, then the one with more letters, then
    the one that is written first. Entries of the same pattern, or several windows in one (`10/second, 100/minute`),
    count together.

    Raises:
        LoadError: what cannot be read, and what was expected.
    """

    def __init__(self, text: str) -> None:
        entries: dict[str, set[RateLimitItem]] = {}
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
        self._overrides: list[tuple[Wildcard, Wildcard, Rule]] = []
        for pattern, limits_of in sorted(entries.items(), key=_by_specificity):
            server, _, tool = pattern.partition(":")
            self._overrides.append((Wildcard(server), Wildcard(tool), _rule(pattern, limits_of)))

    @property
    def limits(self) -> int:
        """How many there are, over all rules."""
        rules = [rule for _, _, rule in self._overrides] + ([self._default] if self._default else [])
        return sum(len(rule.limits) for rule in rules)

    def find(self, server: str, tool: str) -> Rule | None:
        """The rule for calls to `tool`, which may be any text that a client sends. None: they are not counted."""
        for of_server, of_tool, rule in self._overrides:
            if of_server.matches(server) and of_tool.matches(tool):
                return rule
        return self._default


def _limit(text: str) -> RateLimitItem:
    try:
        (limit,) = parse_many(text.strip())
    except ValueError as exc:
        raise _wrong(text, "expected a number of calls and a time, like 100/minute or 10 per 5 seconds") from exc
    if not 1 <= limit.amount <= MOST or not 1 <= limit.get_expiry() <= LONGEST:
        raise _wrong(text, f"expected from 1 to {MOST} calls in at most a year")
    return limit


def _wrong(piece: str, expected: str) -> LoadError:
    return LoadError(f"MCP_RATE_LIMIT: {piece.strip()!r}: {expected}")


def _rule(name: str, limits: Iterable[RateLimitItem]) -> Rule:
    ordered = sorted(limits, key=lambda limit: (limit.get_expiry(), limit.amount))
    for limit in ordered:
        limit.namespace = name
    alone = len(ordered) == 1
    return Rule(
        name,
        ordered,
        [
            Quota(name if alone else f"{name}/{limit.get_expiry()}", limit.amount, limit.get_expiry())
            for limit in ordered
        ],
    )


def _by_specificity(entry: tuple[str, set[RateLimitItem]]) -> tuple[bool, int]:
    pattern, _ = entry
    return "*" in pattern, -len(pattern.replace("*", ""))
