"""Tool names over all servers: `{server}_{tool}`, unambiguous, and safe for every model's API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway.call import Interceptor
from gateway.caller import ANONYMOUS, Caller, caller
from gateway.errors import AmbiguousTool, UnknownServer, UnknownTool
from gateway.naming import TOOL_SUFFIX, unambiguous
from gateway.server import Server
from gateway.servers.registry import Registry
from gateway.servers.unknown import UnknownTarget
from gateway.tool import ToolInfo, version_of

Key = tuple[str, str]
"""A server's name and the exact name of its tool."""


class Names:
    """Looks any name up in constant time. The table is made again after a server or a tool came or went."""

    def __init__(self, registry: Registry, interceptors: Sequence[Interceptor] = ()) -> None:
        self._registry = registry
        self._interceptors = interceptors
        self._revision = -1
        self._by_name: dict[str, Key] = {}
        self._by_bare_name: dict[str, list[Key]] = {}
        self._name_of: dict[Key, str] = {}
        self._tool: dict[Key, ToolInfo] = {}

    def table(self) -> Mapping[str, Key]:
        """Returns the key of each tool by its name. The same object until a tool or a server comes or goes."""
        if self._revision != self._registry.revision:
            self._revision = self._registry.revision
            self._fill()
        return self._by_name

    def name_of(self, server: str, tool: str) -> str:
        """Returns the name over all servers of a tool that exists."""
        self.table()
        # A tool whose only version some callers alone get is not in the table.
        return self._name_of.get((server, tool)) or next(iter(unambiguous([(server, tool)])))

    def callee(self, tool: str, server: str | None = None) -> tuple[Server | UnknownTarget, str]:
        """Returns the callee and the name for it: a tool of `server`, or a tool by its name over all servers."""
        try:
            if server is None:
                server, tool = self.locate(tool)
            return self._registry[server], tool
        except (UnknownServer, UnknownTool) as exc:
            return UnknownTarget(self._interceptors, exc), tool

    def locate(self, name: str) -> Key:
        """Returns the key of a name over all servers, or of a bare name that only one server has.

        Only what the caller may call is found. If the name itself says which server and tool are meant, and the
        caller may not call that, the key leads there even if the tool does not exist: to the refusal.

        Raises:
            UnknownTool: neither.
        """
        asking = caller.get()
        key = self.table().get(name)
        if key is not None and self._allows(asking, key):
            return key
        bare = [key for key in self._by_bare_name.get(name, ()) if self._allows(asking, key)]
        if len(bare) == 1:
            return bare[0]
        if bare:
            raise AmbiguousTool(name, [self.name_of(*key) for key in bare])
        if "@" in name and self._by_name_or_bare(name.rpartition("@")[0]):
            server, tool = self.locate(name.rpartition("@")[0])
            return server, f"{tool}@{name.rpartition('@')[2]}"
        if asking.grants is not None and (refused := self._refused(asking, name)) is not None:
            return refused
        known = self._by_name.items()
        raise UnknownTool(name, [known_name for known_name, key in known if self._allows(asking, key)])

    def find(self, name: str) -> ToolInfo | None:
        """Returns the tool that `locate` finds; None if there is none."""
        try:
            key = self.locate(name)
        except UnknownTool:
            return None
        return self._current(key) if key in self._tool else None

    def _by_name_or_bare(self, name: str) -> bool:
        return name in self._by_name or name in self._by_bare_name

    def _current(self, key: Key) -> ToolInfo:
        """Returns a tool, in the version that the caller would get."""
        tool = self._tool[key]
        entry = self._registry[key[0]].find(key[1]) if version_of(tool) else None
        return tool if entry is None else entry.info

    def _fill(self) -> None:
        token = caller.set(ANONYMOUS)  # what one caller may see is not what all may
        try:
            self._tool = {(server.name, tool["name"]): tool for server in self._registry for tool in server.tools()}
        finally:
            caller.reset(token)
        self._by_name = unambiguous(self._tool)
        self._name_of = {key: name for name, key in self._by_name.items()}
        self._by_bare_name = _by_bare_name(self._tool)

    def _allows(self, asking: Caller, key: Key) -> bool:
        return asking.grants is None or asking.grants.covers(key[0], self._current(key))

    def _refused(self, asking: Caller, name: str) -> Key | None:
        """Returns the first (server, tool) that `name` may mean and that the caller may not call."""
        for server in self._registry:
            tool = name.removeprefix(f"{server.name}_")
            if tool == name or asking.refusal(server.name, tool, tool) is None:
                continue
            if all(seen["name"] != tool + TOOL_SUFFIX for seen in asking.sees(server)):
                return server.name, tool
        return None


def _by_bare_name(keys: Iterable[Key]) -> dict[str, list[Key]]:
    found: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys:
        for name in {key[1], key[1].removesuffix(TOOL_SUFFIX)}:
            found[name].append(key)
    return dict(found)
