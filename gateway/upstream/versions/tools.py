"""The tools of several upstreams, each of which runs one version of the tools that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Unavailable, UpstreamError
from gateway.naming import TOOL_SUFFIX, unambiguous
from gateway.tool import VERSION_META, ToolInfo
from gateway.upstream.current import Current
from gateway.upstream.tools import UpstreamTool
from gateway.upstream.versions.described import Member
from gateway.versions.families import DEPRECATED_META
from gateway.versions.family import CRASHES, Family
from gateway.versions.family import Member as Version
from gateway.versions.routing import Routing
from gateway.versions.version import Version as Number

FAILURES = CRASHES | {UpstreamError.slug, Unavailable.slug, "tool-error"}
"""The outcomes that speak against a version elsewhere: whatever fails there, most servers say it by a result."""


class VersionedTools:
    """Reads the tools of `members` again when one of them lists others."""

    def __init__(self, server: str, members: Sequence[tuple[Member, Current]], routing: Routing) -> None:
        self._server = server
        self._members = members
        self._routing = routing
        self._lists: list[Sequence[ToolInfo]] = []
        self._made: dict[tuple[str, str], tuple[UpstreamTool, UpstreamTool]] = {}
        self._families: Mapping[str, Family] = {}
        self._shown: Mapping[str, tuple[str, str]] = {}

    def listed(self) -> Sequence[ToolInfo]:
        """Returns each tool in the version that the present caller gets."""
        return [info for family in self._sorted().values() for info in family.listed()]

    def plan(self, name: str) -> UpstreamTool | None:
        """Returns the version for the present caller of the tool of exactly this name."""
        family = self._sorted().get(name)
        return None if family is None else _upstream(family.current())

    def find(self, name: str) -> UpstreamTool | None:
        """As `plan`, for a name that may lack the suffix `_tool`, or that is the one shown to models."""
        found = self.plan(name) or self.plan(name + TOOL_SUFFIX)
        return found or (self.plan(self._shown[name][1]) if name in self._shown else None)

    def exact(self, name: str, version: str) -> UpstreamTool | None:
        family = self._sorted().get(name)
        return None if family is None else _upstream(family.exact(version))

    def _sorted(self) -> Mapping[str, Family]:
        """Returns the versions of each tool, by its name."""
        lists = [current.tools.listed() for _, current in self._members]
        if len(lists) != len(self._lists) or any(
            one is not other for one, other in zip(lists, self._lists, strict=True)
        ):
            self._lists = lists
            self._sort()
        return self._families

    def _sort(self) -> None:
        versions: dict[str, list[Version]] = {}
        made: dict[tuple[str, str], tuple[UpstreamTool, UpstreamTool]] = {}
        for (member, current), listed in zip(self._members, self._lists, strict=True):
            for info in listed:
                key = member.version.text, info["name"]
                own = current.tools.plan(info["name"])
                assert own is not None
                before = self._made.get(key)
                made[key] = before if before is not None and before[0] is own else (own, _of_version(own, member))
                version = Version(member.version, made[key][1], member.deprecation)
                versions.setdefault(info["name"], []).append(version)
        self._made = made
        self._families = {name: self._family(name, found) for name, found in versions.items()}
        self._shown = unambiguous(("", name) for name in versions)

    def _family(self, name: str, versions: Sequence[Version]) -> Family:
        family = Family(self._server, name, versions, self._routing, absent=self._absent, failures=FAILURES)
        for version in versions:
            tool = _upstream(version.entry)
            assert tool is not None
            tool.versions = family
        return family

    def _absent(self) -> Sequence[Number]:
        """Returns the versions whose tools are not known yet."""
        return [member.version for member, current in self._members if not current.backend.is_listed]


def _upstream(entry: Any) -> UpstreamTool | None:
    assert entry is None or isinstance(entry, UpstreamTool)
    return entry


def _of_version(tool: UpstreamTool, member: Member) -> UpstreamTool:
    """Returns a tool with its version in what it says of itself."""
    info: Any = tool.info
    meta = info.get("_meta")
    own: dict[str, Any] = {VERSION_META: member.version.text}
    if member.deprecation is not None:
        own[DEPRECATED_META] = dict(member.deprecated)
    described: Any = {**info, "_meta": {**(meta if isinstance(meta, Mapping) else {}), **own}}
    return UpstreamTool(tool.own_name, described, member.entry.idempotent, member.version.text)
