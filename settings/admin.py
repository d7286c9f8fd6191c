"""The admin API, which changes the file of servers elsewhere, and what entries may say that came by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network

from settings.network import Network
from settings.reader import SettingError, declared, flag, split, wrong

_PROGRAM = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _words(name: str, meaning: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    def parse(value: str) -> tuple[str, ...]:
        for word in (found := split(value, ",")):
            if not pattern.fullmatch(word):
                raise wrong(name, word, expected)
        return found

    return declared(name, (), meaning, parse)


def _networks(name: str, meaning: str) -> tuple[Network, ...]:
    def parse(value: str) -> tuple[Network, ...]:
        try:
            return tuple(ip_network(part) for part in split(value, ","))
        except ValueError as exc:
            raise SettingError(f"{name}: expected addresses or networks (10.0.0.0/8): {exc}") from exc

    return declared(name, (), meaning, parse)


@dataclass(frozen=True)
class Admin:
    admin: bool = flag("MCP_ADMIN", False, "`1` serves the admin API at `/admin`, and implies `MCP_FOLLOW`")
    admin_stdio: tuple[str, ...] = _words(
        "MCP_ADMIN_STDIO",
        "programs that entries of the admin API may run, such as `npx,uvx`; `image` allows containers",
        _PROGRAM,
        "names of programs without a path",
    )
    admin_networks: tuple[Network, ...] = _networks(
        "MCP_ADMIN_NETWORKS", "networks besides the public Internet that entries of the admin API may reach"
    )
    admin_env: tuple[str, ...] = _words(
        "MCP_ADMIN_ENV",
        "variables of the environment that entries of the admin API may read as `${NAME}`, separated by `,`",
        _VARIABLE,
        "names of variables",
    )
