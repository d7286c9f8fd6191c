"""The versions that a caller, a key or an operator asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from gateway.errors import InvalidRequest
from gateway.versions.version import MAX_LENGTH, Version

EXPECTED = "a version (2.1.0), its first numbers (2 or 2.1), ^2.1, a range (>=1,<3) or a date (2026-12-01)"

_COMPARED = re.compile(r"\s*(>=|<=|>|<)\s*(\S+)\s*")
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
}


class Pin:
    """Takes `2.1.0`, `2`, `2.1`, `^2.1`, `>=1,<3` or `2026-12-01`.

    A pre-release matches its exact version alone. Numbers are compared as far as they are written, so that 2.4 is not
    more than 2.

    Raises:
        ValueError: the text is none of these.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._exact: Version | None = None
        self._ranges: list[Callable[[Version], bool]] = []
        try:
            if not self.text.isascii() or len(self.text) > MAX_LENGTH:
                raise ValueError("it is too long, or no ASCII")
            self._read(self.text)
        except ValueError as exc:
            raise ValueError(f"expected {EXPECTED}, not {self.text[:MAX_LENGTH]!r}") from exc

    def matches(self, version: Version) -> bool:
        if self._exact is not None:
            return version.order == self._exact.order
        return not version.pre_release and all(matches(version) for matches in self._ranges)

    def _read(self, text: str) -> None:
        if text.startswith("^"):
            self._ranges = _caret(Version.of(text[1:]))
        elif text.startswith((">", "<")):
            self._ranges = [_compared(piece) for piece in text.split(",")]
        else:
            version = Version.of(text)
            if version.parts == len(version.numbers):
                self._exact = version
            else:
                self._ranges = [_range("<=", version), _range(">=", version)]


@lru_cache(maxsize=512)
def _pin(text: str) -> Pin:
    return Pin(text)


def pin_of(text: object) -> Pin:
    """Returns the pin that a client sent. Raises InvalidRequest."""
    if not isinstance(text, str):
        raise InvalidRequest("`version` must be a string.")
    try:
        return _pin(text)
    except ValueError as exc:
        raise InvalidRequest(f"`version` is malformed: {exc}.") from exc


def _compared(piece: str) -> Callable[[Version], bool]:
    match = _COMPARED.fullmatch(piece)
    if match is None:
        raise ValueError(piece)
    return _range(match[1], Version.of(match[2]))


def _range(sign: str, bound: Version, numbers: tuple[int, ...] | None = None) -> Callable[[Version], bool]:
    if bound.pre_release:
        raise ValueError("a range has no pre-releases")
    compare, end = _COMPARE[sign], numbers or bound.numbers[: bound.parts]
    return lambda version: version.is_date == bound.is_date and compare(version.numbers[: len(end)], end)


def _caret(bound: Version) -> list[Callable[[Version], bool]]:
    """Returns the range up to the next change of the first number that is not 0."""
    if bound.is_date:
        raise ValueError("a date has no compatible versions")
    given = bound.numbers[: bound.parts]
    kept = next((place for place, number in enumerate(given) if number), len(given) - 1)
    return [_range(">=", bound), _range("<=", bound, given[: kept + 1])]
