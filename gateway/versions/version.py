"""One version of a tool, and the order of versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

MAX_LENGTH = 64
EXPECTED = "a semantic version (2.1.0) or a date (2026-12-01)"

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_IDENTIFIERS = r"([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)"
_SEMANTIC = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-{_IDENTIFIERS})?)?)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Version:
    """`text` is as its author wrote it. `parts` is how many of the three numbers that has; those that lack are 0."""

    text: str
    numbers: tuple[int, ...]
    parts: int = 3
    pre_release: tuple[tuple[int, int, str], ...] = ()
    is_date: bool = False

    @classmethod
    def of(cls, text: str) -> Version:
        """Raises ValueError for a text that is no version."""
        if len(text) <= MAX_LENGTH:
            if _DATE.fullmatch(text):
                return cls(text, _date(text), is_date=True)
            if match := _SEMANTIC.fullmatch(text):
                given = [int(number) for number in match.groups()[:3] if number is not None]
                return cls(text, (*given, 0, 0)[:3], len(given), _pre_release(match[4]))
        raise ValueError(f"expected {EXPECTED}, not {text[:MAX_LENGTH]!r}")

    @property
    def order(self) -> tuple[bool, tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]:
        """The order of Semantic Versioning 2.0.0, section 11: 1.10 after 1.9, a pre-release before its release."""
        return self.is_date, self.numbers, not self.pre_release, self.pre_release


def _date(text: str) -> tuple[int, int, int]:
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"expected {EXPECTED}, not {text!r}: {exc}") from exc
    return day.year, day.month, day.day


def _pre_release(text: str | None) -> tuple[tuple[int, int, str], ...]:
    parts = text.split(".") if text else []
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
