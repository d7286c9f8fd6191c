"""Declares settings as dataclass fields, one function for each kind of value, and reads them from the environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
Network = IPv4Network | IPv6Network

MAX_SECONDS = 1e9
"""About 31 years. Larger values, and inf, overflow the timers of the event loop."""

UNIX_CLIENTS = IPv4Network("0.0.0.0/32")
"""Stands for the clients of a Unix socket, which have no address. Nothing connects from 0.0.0.0."""

_HOST = re.compile(r"\*|[A-Za-z0-9._-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?")

_WORD = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_PERMISSIONS = re.compile(r"0?[0-7]{3}")

_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")


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


def setting_of(declared: Field[Any]) -> Setting[Any]:
    """Returns the setting that a field was declared with."""
    setting: Setting[Any] = declared.metadata["setting"]
    return setting


def text(name: str, default: str, meaning: str) -> str:
    return _field(name, default, meaning, str, written=default)


def names(name: str, default: tuple[str, ...], meaning: str, *, separator: str, unset: str = "none") -> tuple[str, ...]:
    """Declares a list. `unset` is shown as its default if the default is empty."""

    def parse(value: str) -> tuple[str, ...]:
        return _split(value, separator) or default

    return _field(name, default, meaning, parse, written=separator.join(default), unset=unset)


def hosts(name: str, meaning: str) -> tuple[str, ...]:
    """Declares a list of host names, empty by default."""

    def parse(value: str) -> tuple[str, ...]:
        # A name with a scheme or a port would match no request, and only refused clients would notice.
        for host in (found := _split(value, ",")):
            if not _HOST.fullmatch(host):
                raise _error(name, host, "host names without scheme and port, or *")
        return found

    return _field(name, (), meaning, parse)


def choice(name: str, default: str, meaning: str, *, choices: tuple[str, ...]) -> str:
    """Declares one of `choices`, read without regard to case."""

    def parse(value: str) -> str:
        return _one_of(name, value, choices)

    return _field(name, default, meaning, parse, written=default)


def flag(name: str, default: bool, meaning: str) -> bool:
    def parse(value: str) -> bool:
        return _one_of(name, value, ("0", "1", "false", "true", "no", "yes")) in ("1", "true", "yes")

    return _field(name, default, meaning, parse, written="1" if default else "0")


def whole(name: str, default: int, meaning: str, *, at_least: int, at_most: int | None = None) -> int:
    limit = f"from {at_least} to {at_most}" if at_most is not None else f"of at least {at_least}"

    def parse(value: str) -> int:
        # int() alone would also accept "1_000", "+1" and the digits of other scripts.
        number = int(value) if value.isascii() and value.isdigit() else None
        if number is None or number < at_least or (at_most is not None and number > at_most):
            raise _error(name, value, f"a whole number {limit}")
        return number

    return _field(name, default, meaning, parse, written=str(default))


def permissions(name: str, default: int, meaning: str) -> int:
    """Declares permissions of a file, as `chmod` takes them."""

    def parse(value: str) -> int:
        if not _PERMISSIONS.fullmatch(value):
            raise _error(name, value, "octal permissions like 660")
        return int(value, 8)

    return _field(name, default, meaning, parse, written=f"{default:o}")


def seconds(name: str, default: float, meaning: str, *, zero: bool = False) -> float:
    """Declares a time greater than 0, or also 0."""
    expected = "of at least 0" if zero else "greater than 0"

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (0 < number < MAX_SECONDS or (zero and number == 0)):
            raise _error(name, value, f"a number of seconds {expected}")
        return number

    return _field(name, default, meaning, parse, written=f"{default:g}")


def fraction(name: str, default: float, meaning: str) -> float:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number <= 1:
            raise _error(name, value, "a number greater than 0 and at most 1")
        return number

    return _field(name, default, meaning, parse, written=f"{default:g}")


def url(name: str, meaning: str) -> str:
    """Declares an HTTP URL, empty by default. The slash at its end is removed."""

    def parse(value: str) -> str:
        try:
            parts = urlsplit(value)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_url = False
        if not is_url:
            raise _error(name, value, "a URL that begins with https:// or http://")
        return value.rstrip("/")

    return _field(name, "", meaning, parse)


def networks(name: str, meaning: str) -> tuple[Network, ...]:
    """Declares a list of addresses and networks, empty by default. `unix` is `UNIX_CLIENTS`."""

    def parse(value: str) -> tuple[Network, ...]:
        try:
            return tuple(UNIX_CLIENTS if part == "unix" else ip_network(part) for part in _split(value, ","))
        except ValueError as exc:
            expected = "addresses or networks (10.0.0.0/8), separated by a comma"
            raise SettingError(f"{name}: expected {expected}: {exc}") from exc

    return _field(name, (), meaning, parse)


def path(name: str, meaning: str) -> str:
    """Declares the path of a URL, empty by default."""

    def parse(value: str) -> str:
        if not _PATH.fullmatch(value):
            raise _error(name, value, "a path like /metrics")
        return value

    return _field(name, "", meaning, parse)


def word(name: str, meaning: str, *, unset: str) -> str:
    """Declares a word that becomes part of names elsewhere, empty by default. `unset` is shown as its default."""

    def parse(value: str) -> str:
        if not _WORD.fullmatch(value):
            raise _error(name, value, "up to 64 letters, digits and . _ : -")
        return value

    return _field(name, "", meaning, parse, unset=unset)


def _field(
    name: str, default: T, meaning: str, parse: Callable[[str], T], *, written: str = "", unset: str = "none"
) -> T:
    """Returns a dataclass field. `written` is its default as a value of the environment, empty if that is unset."""
    setting = Setting(name, default, f"`{written}`" if written else unset, meaning, parse)
    # Typed as its value, like `dataclasses.field`, so that mypy compares the default with the annotation.
    return field(default=default, metadata={"setting": setting})


def _split(value: str, separator: str) -> tuple[str, ...]:
    parts = (part.strip() for part in value.split(separator))
    return tuple(part for part in parts if part)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value.lower() not in choices:
        raise _error(name, value.lower(), f"one of {', '.join(choices)}")
    return value.lower()


def _error(name: str, value: str, expected: str) -> SettingError:
    return SettingError(f"{name}={value!r}: expected {expected}")
