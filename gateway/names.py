"""Names over all servers: `{server}_{tool}`, unambiguous, and such that every model's API takes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from gateway.errors import AmbiguousTool, UnknownTool
from gateway.registry import Registry

LONGEST = 64
_SAFE = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_-]")


def unambiguous(keys: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """A safe name for each (server, name); one that would be cut, changed or taken twice ends in a hash of both.

    Safe is `[A-Za-z_][A-Za-z0-9_-]*` within 64 characters, as OpenAI, Anthropic and Gemini ask for.
    """
    wanted = {key: "_".join(filter(None, key)) for key in keys}
    count = Counter(wanted.values())
    clear = {key: name for key, name in wanted.items() if count[name] == 1 and _SAFE.fullmatch(name)}
    while taken := {_hashed(name, key) for key, name in wanted.items() if key not in clear} & {*clear.values()}:
        clear = {key: name for key, name in clear.items() if name not in taken}
    return {clear.get(key) or _hashed(name, key): key for key, name in wanted.items()}


def _hashed(name: str, key: tuple[str, str]) -> str:
    digest = sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    safe = _NOT_SAFE.sub("_", name)
    safe = safe if safe[:1].isalpha() else f"_{safe}"
    return f"{safe[: LONGEST - 9]}_{digest}"


class Names:
    """The names of all tools of all servers as they are now."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: list[Sequence[object]] = []
        self._table: dict[str, tuple[str, str]] = {}
        self._name_of: dict[tuple[str, str], str] = {}

    def table(self) -> Mapping[str, tuple[str, str]]:
        """(server, tool) by name."""
        lists = [server.tools() for server in self._registry]
        if len(lists) != len(self._seen) or any(one is not other for one, other in zip(lists, self._seen, strict=True)):
            keys = [(server.name, tool["name"]) for server in self._registry for tool in server.tools()]
            self._seen = [*lists]
            self._table = unambiguous(keys)
            self._name_of = {key: name for name, key in self._table.items()}
        return self._table

    def of(self, server: str, tool: str) -> str:
        """The aggregate name of a tool that there is."""
        self.table()
        return self._name_of[server, tool]

    def locate(self, name: str) -> tuple[str, str]:
        """The (server, tool) of an aggregate name, or of a bare one that only one server has.

        Raises:
            UnknownTool: neither.
        """
        table = self.table()
        if name in table:
            return table[name]
        bare = [key for key in table.values() if name in (key[1], key[1].removesuffix("_tool"))]
        if len(bare) == 1:
            return bare[0]
        if bare:
            raise AmbiguousTool(name, [self.of(*key) for key in bare])
        raise UnknownTool(name, table)
