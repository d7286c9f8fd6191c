"""The fields that a caller sees: one for each tool, and one for each of its versions if it has several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.graphql.fields import Shown, fields
from gateway.graphql.tools import Seen
from gateway.graphql.types.names import version_name
from gateway.server import Callee
from gateway.tool import VERSION_META, VERSIONS_META, Deprecation, Entry, ToolInfo

Visible = Sequence[tuple[Callee, Sequence[ToolInfo]]]
Key = tuple[tuple[str, tuple[str, ...]], ...]
"""Equal for callers who see the same tools in the same versions."""


def key_of(visible: Visible) -> Key:
    return tuple((server.name, tuple(map(_told, tools))) for server, tools in visible)


def has_versions(visible: Visible) -> bool:
    """Returns True if callers may see other versions of a tool than this one."""
    return any(_versions(tool) for _, tools in visible for tool in tools)


def seen(servers: Iterable[Callee], visible: Visible) -> list[Seen]:
    """Returns the `visible` tools, under the names that they have among those of all `servers`."""
    shown = fields({server.name: [tool["name"] for tool in server.tools()] for server in servers})
    found = [_seen(server, tool, shown[server.name, tool["name"]]) for server, tools in visible for tool in tools]
    return [*found, *_of_versions(visible, shown)]


def _seen(server: Callee, tool: ToolInfo, shown: Shown) -> Seen:
    entry = server.find(tool["name"])
    return Seen(server.name, tool, shown, entry is None or not entry.direct, lambda: entry is None or entry.asks)


def _of_versions(visible: Visible, shown: Mapping[tuple[str, str], Shown]) -> Iterator[Seen]:
    """Yields each version that the caller may call of a tool with several, except under a name that a tool has."""
    taken = {(each.server, each.field) for each in shown.values()} | {("", each.over_all) for each in shown.values()}
    for server, tools in visible:
        for tool in tools if any(map(_versions, tools)) else ():
            entry = server.find(tool["name"])
            live = entry.versions.live() if entry is not None and entry.versions is not None else ()
            for version in live if _versions(tool) else ():
                name = _shown(shown[server.name, tool["name"]], version.version)
                if not {(name.server, name.field), ("", name.over_all)} & taken:
                    taken |= {(name.server, name.field), ("", name.over_all)}
                    yield _seen_version(server, version, name)


def _seen_version(server: Callee, entry: Entry, shown: Shown) -> Seen:
    assert entry.versions is not None
    reason = _reason(entry.versions.deprecation(entry.version))
    return Seen(server.name, entry.info, shown, not entry.direct, lambda: entry.asks, entry.version, reason)


def _shown(tool: Shown, version: str) -> Shown:
    suffix = version_name(version)
    return Shown(tool.server, f"{tool.field}_{suffix}", f"{tool.over_all}_{suffix}")


def _reason(deprecation: Deprecation | None) -> str | None:
    if deprecation is None:
        return None
    use = f"Use version {deprecation.use}." if deprecation.use else "It is deprecated."
    return f"{use} {deprecation.why}".strip()


def _versions(tool: ToolInfo) -> Sequence[str]:
    """Returns the versions that the caller may call of a tool with several."""
    meta: Any = tool.get("_meta")
    found = meta.get(VERSIONS_META, ()) if isinstance(meta, dict) else ()
    return found if isinstance(found, list) else ()


def _told(tool: ToolInfo) -> str:
    if not (versions := _versions(tool)):
        return tool["name"]
    meta: Any = tool.get("_meta")
    return "@".join([tool["name"], str(meta.get(VERSION_META)), *map(str, versions)])
