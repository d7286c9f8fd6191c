"""Names over all servers: `{server}_{tool}`, unambiguous, and such that every model's API takes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from gateway.call import CallNext
from gateway.caller import Caller, caller
from gateway.errors import AmbiguousTool, UnknownServer, UnknownTool
from gateway.server import Server, ToolInfo
from gateway.servers.registry import Registry
from gateway.servers.unknown import Nowhere

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
    """The names of all tools of all servers as they are now. A call by a name that there is not passes `chain` too."""

    def __init__(self, registry: Registry, chain: CallNext) -> None:
        self._registry = registry
        self._chain = chain
        self._seen: list[Sequence[object]] = []
        self._table: dict[str, tuple[str, str]] = {}
        self._name_of: dict[tuple[str, str], str] = {}
        self._tool: dict[tuple[str, str], ToolInfo] = {}

    def table(self) -> Mapping[str, tuple[str, str]]:
        """(server, tool) by name."""
        lists = [server.tools() for server in self._registry]
        if len(lists) != len(self._seen) or any(one is not other for one, other in zip(lists, self._seen, strict=True)):
            self._seen = [*lists]
            self._tool = {(server.name, tool["name"]): tool for server in self._registry for tool in server.tools()}
            self._table = unambiguous(self._tool)
            self._name_of = {key: name for name, key in self._table.items()}
        return self._table

    def of(self, server: str, tool: str) -> str:
        """The aggregate name of a tool that there is."""
        self.table()
        return self._name_of[server, tool]

    def callee(self, tool: str, server: str | None = None) -> tuple[Server | Nowhere, str]:
        """Who is called and what of it: a tool of `server`, or else one by its name as `locate` has it."""
        try:
            if server is None:
                server, tool = self.locate(tool)
            return self._registry[server], tool
        except (UnknownServer, UnknownTool) as exc:
            return Nowhere(self._chain, exc), tool

    def locate(self, name: str) -> tuple[str, str]:
        """The (server, tool) of an aggregate name, or of a bare one that only one server has.

        Only what the caller may call is found. Where the name itself says what is not the caller's, that is where it
        leads, whether or not there is such a tool: to the refusal.

        Raises:
            UnknownTool: neither.
        """
        table, asking = self.table(), caller.get()
        key = table.get(name)
        if key is not None and self._is_open(asking, key):
            return key
        known = table if asking.grants is None else {n: key for n, key in table.items() if self._is_open(asking, key)}
        bare = [key for key in known.values() if name in (key[1], key[1].removesuffix("_tool"))]
        if len(bare) == 1:
            return bare[0]
        if bare:
            raise AmbiguousTool(name, [self.of(*key) for key in bare])
        if asking.grants is not None and (refused := self._refused(asking, name)) is not None:
            return refused
        raise UnknownTool(name, known)

    def _is_open(self, asking: Caller, key: tuple[str, str]) -> bool:
        return asking.grants is None or asking.grants.covers(key[0], self._tool[key])

    def _refused(self, asking: Caller, name: str) -> tuple[str, str] | None:
        """The first (server, tool) that `name` may mean and that the caller may not call."""
        for server in self._registry:
            tool = name.removeprefix(f"{server.name}_")
            if tool == name or asking.refusal(server.name, tool, tool) is None:
                continue
            if all(seen["name"] != f"{tool}_tool" for seen in asking.sees(server)):
                return server.name, tool
        return None
