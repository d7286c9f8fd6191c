"""Reads settings from the environment, each of its kind and in its range, with an error that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from starlette.config import Config

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"\*|[A-Za-z0-9._-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?")

_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")


class SettingError(Exception):
    """A setting that cannot be used; the message names it, its value and what is expected."""


class Reader:
    """Starlette's `Config`, with a range for each kind of value."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._config = Config(environ=environ)

    def text(self, name: str, default: str) -> str:
        return self._config(name, default=default).strip() or default

    def names(self, name: str, default: tuple[str, ...], separator: str) -> tuple[str, ...]:
        parts = (part.strip() for part in self.text(name, "").split(separator))
        return tuple(part for part in parts if part) or default

    def hosts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A name with a scheme or a port would never match, which nobody would notice but those who are refused."""
        hosts = self.names(name, default, ",")
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise SettingError(f"{name}={host!r}: expected host names without scheme and port, or *")
        return hosts

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in choices:
            raise SettingError(f"{name}={value!r}: expected one of {', '.join(choices)}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        return self.choice(name, "1" if default else "0", ("0", "1", "false", "true", "no", "yes")) in (
            "1",
            "true",
            "yes",
        )

    def whole(self, name: str, default: int, *, at_least: int, at_most: int | None = None) -> int:
        value = self.text(name, str(default))
        limit = f"from {at_least} to {at_most}" if at_most is not None else f"of at least {at_least}"
        if not value.isascii() or not value.isdigit() or not at_least <= int(value) <= (at_most or int(value)):
            raise SettingError(f"{name}={value!r}: expected a whole number {limit}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < 1e9:
            raise SettingError(f"{name}={value!r}: expected a number of seconds greater than 0")
        return number

    def url(self, name: str, default: str) -> str:
        """Without the slash at its end."""
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_url = False
        if value and not is_url:
            raise SettingError(f"{name}={value!r}: expected a URL that begins with https:// or http://")
        return value.rstrip("/")

    def networks(self, name: str) -> tuple[Network, ...]:
        try:
            return tuple(ip_network(part) for part in self.names(name, (), ","))
        except ValueError as exc:
            raise SettingError(
                f"{name}: expected addresses or networks (10.0.0.0/8), separated by a comma: {exc}"
            ) from exc

    def path(self, name: str, default: str) -> str:
        """Of a URL."""
        value = self.text(name, default)
        if value and not _PATH.fullmatch(value):
            raise SettingError(f"{name}={value!r}: expected a path like /metrics")
        return value
