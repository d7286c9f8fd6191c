"""Declares settings as dataclass fields, one function for each kind of value, and reads them from the environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MAX_SECONDS = 1e9
"""About 31 years. Larger values, and inf, overflow the timers of the event loop."""

_WORD = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_SECRET = 32
"""Characters that a secret has at least."""

_PERMISSIONS = re.compile(r"0?[0-7]{3}")


class SettingError(Exception):
    """An invalid setting. The message has its name, its value and the expected form."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """The declaration of one setting. `name` is its name in the environment.

    `shown` and `meaning` are its row in docs/settings.md. `parse` raises SettingError.
    """

    name: str
    default: T
    shown: str
    meaning: str
    parse: Callable[[str], T]

    def read(self, environ: Mapping[str, str]) -> T:
        """Returns the default if the variable is missing or blank. Raises SettingError."""
        value = environ.get(self.name, "").strip()
        return self.parse(value) if value else self.default


def setting_of(each: Field[Any]) -> Setting[Any]:
    """Returns the setting that a field was declared with."""
    setting: Setting[Any] = each.metadata["setting"]
    return setting


def text(name: str, default: str, meaning: str) -> str:
    return declared(name, default, meaning, str, written=default)


def names(name: str, default: tuple[str, ...], meaning: str, *, separator: str, unset: str = "none") -> tuple[str, ...]:
    """Declares a list. `unset` is shown as its default if the default is empty."""

    def parse(value: str) -> tuple[str, ...]:
        return split(value, separator) or default

    return declared(name, default, meaning, parse, written=separator.join(default), unset=unset)


def choice(name: str, default: str, meaning: str, *, choices: tuple[str, ...]) -> str:
    """Declares one of `choices`, read without regard to case."""

    def parse(value: str) -> str:
        return _one_of(name, value, choices)

    return declared(name, default, meaning, parse, written=default)


def flag(name: str, default: bool, meaning: str) -> bool:
    def parse(value: str) -> bool:
        return _one_of(name, value, ("0", "1", "false", "true", "no", "yes")) in ("1", "true", "yes")

    return declared(name, default, meaning, parse, written="1" if default else "0")


def whole(name: str, default: int, meaning: str, *, at_least: int, at_most: int | None = None) -> int:
    limit = f"from {at_least} to {at_most}" if at_most is not None else f"of at least {at_least}"

    def parse(value: str) -> int:
        # int() alone would also accept "1_000", "+1" and the digits of other scripts.
        number = int(value) if value.isascii() and value.isdigit() else None
        if number is None or number < at_least or (at_most is not None and number > at_most):
            raise wrong(name, value, f"a whole number {limit}")
        return number

    return declared(name, default, meaning, parse, written=str(default))


def permissions(name: str, default: int, meaning: str) -> int:
    """Declares permissions of a file, as `chmod` takes them."""

    def parse(value: str) -> int:
        if not _PERMISSIONS.fullmatch(value):
            raise wrong(name, value, "octal permissions like 660")
        return int(value, 8)

    return declared(name, default, meaning, parse, written=f"{default:o}")


def seconds(name: str, default: float, meaning: str, *, zero: bool = False) -> float:
    """Declares a time greater than 0, or also 0."""
    expected = "of at least 0" if zero else "greater than 0"

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (0 < number < MAX_SECONDS or (zero and number == 0)):
            raise wrong(name, value, f"a number of seconds {expected}")
        return number

    return declared(name, default, meaning, parse, written=f"{default:g}")


def fraction(name: str, default: float, meaning: str) -> float:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number <= 1:
            raise wrong(name, value, "a number greater than 0 and at most 1")
        return number

    return declared(name, default, meaning, parse, written=f"{default:g}")


def secrets(name: str, meaning: str) -> tuple[str, ...]:
    """Declares a list of different secrets, separated by `,`. No message has their text."""

    def parse(value: str) -> tuple[str, ...]:
        parts = split(value, ",")
        if len({*parts}) < len(parts) or any(len(part) < _SECRET or not part.isascii() for part in parts):
            raise SettingError(
                f"{name}: expected different secrets of at least {_SECRET} ASCII characters each, separated by `,`"
            )
        return parts

    return declared(name, (), meaning, parse, is_secret=True)


def word(name: str, meaning: str, *, unset: str) -> str:
    """Declares a word that becomes part of names elsewhere, empty by default. `unset` is shown as its default."""

    def parse(value: str) -> str:
        if not _WORD.fullmatch(value):
            raise wrong(name, value, "up to 64 letters, digits and . _ : -")
        return value

    return declared(name, "", meaning, parse, unset=unset)


def declared(
    name: str,
    default: T,
    meaning: str,
    parse: Callable[[str], T],
    *,
    written: str = "",
    unset: str = "none",
    is_secret: bool = False,
) -> T:
    """Returns a dataclass field. `written` is its default as a value of the environment, empty if that is unset."""
    setting = Setting(name, default, f"`{written}`" if written else unset, meaning, parse)
    # Typed as its value, like `dataclasses.field`, so that mypy compares the default with the annotation.
    return field(default=default, repr=not is_secret, metadata={"setting": setting})


def split(value: str, separator: str) -> tuple[str, ...]:
    parts = (part.strip() for part in value.split(separator))
    return tuple(part for part in parts if part)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value.lower() not in choices:
        raise wrong(name, value.lower(), f"one of {', '.join(choices)}")
    return value.lower()


def wrong(name: str, value: str, expected: str) -> SettingError:
    return SettingError(f"{name}={value!r}: expected {expected}")
