"""The kinds of settings that name places in a network: hosts, addresses, URLs, paths of URLs."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from settings.reader import SettingError, declared, split, wrong

Network = IPv4Network | IPv6Network

UNIX_CLIENTS = IPv4Network("0.0.0.0/32")
"""Stands for the clients of a Unix socket, which have no address. Nothing connects from 0.0.0.0."""

_HOST = re.compile(r"\*|[A-Za-z0-9._-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?")

_ORIGIN = re.compile(
    r"file://|[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9._-]+|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\])(:[0-9]{1,5})?"
)
_DEFAULT_PORT = re.compile(r"(?<=^http)(://.*):80$|(?<=^https)(://.*):443$")

_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")


def hosts(name: str, meaning: str) -> tuple[str, ...]:
    """Declares a list of host names, empty by default."""

    def parse(value: str) -> tuple[str, ...]:
        # A name with a scheme or a port would match no request, and only refused clients would notice.
        for host in (found := split(value, ",")):
            if not _HOST.fullmatch(host):
                raise wrong(name, host, "host names without scheme and port, or *")
        return found

    return declared(name, (), meaning, parse)


def origins(name: str, meaning: str) -> tuple[str, ...]:
    """Declares a list of origins as browsers send them, empty by default.

    `null` is none of them: a page of any host can have it.
    """

    def parse(value: str) -> tuple[str, ...]:
        for origin in (found := split(value, ",")):
            if not _ORIGIN.fullmatch(origin):
                raise wrong(name, origin, "origins like tauri://localhost or https://app.example.com, without a path")
        return tuple(_DEFAULT_PORT.sub(r"\1\2", origin.lower()) for origin in found)

    return declared(name, (), meaning, parse)


def url(name: str, meaning: str) -> str:
    """Declares an HTTP URL, empty by default. The slash at its end is removed."""

    def parse(value: str) -> str:
        try:
            parts = urlsplit(value)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_url = False
        if not is_url:
            raise wrong(name, value, "a URL that begins with https:// or http://")
        return value.rstrip("/")

    return declared(name, "", meaning, parse)


def networks(name: str, meaning: str) -> tuple[Network, ...]:
    """Declares a list of addresses and networks, empty by default. `unix` is `UNIX_CLIENTS`."""

    def parse(value: str) -> tuple[Network, ...]:
        try:
            return tuple(UNIX_CLIENTS if part == "unix" else ip_network(part) for part in split(value, ","))
        except ValueError as exc:
            expected = "addresses or networks (10.0.0.0/8), separated by a comma"
            raise SettingError(f"{name}: expected {expected}: {exc}") from exc

    return declared(name, (), meaning, parse)


def path(name: str, meaning: str) -> str:
    """Declares the path of a URL, empty by default."""

    def parse(value: str) -> str:
        if not _PATH.fullmatch(value):
            raise wrong(name, value, "a path like /metrics")
        return value

    return declared(name, "", meaning, parse)
