"""The tools of an upstream server as they are served: chosen, renamed and described as its entry says."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence, Set
from fnmatch import fnmatchcase
from typing import Any, cast

from pydantic_core import to_json

from gateway.argument_names import has_unsafe_names
from gateway.naming import TOOL_SUFFIX, unambiguous
from gateway.sendable import Unsendable, encode
from gateway.tool import ToolInfo, Versions, says_repeatable
from gateway.upstream.config import Upstream
from gateway.upstream.link import Link

logger = logging.getLogger(__name__)
MAX_PAGES = 100
MAX_TOOLS = 10_000
MAX_LIST = 16 * 1024 * 1024
"""Bytes of all pages of a list, after which no further page is asked for."""
_WRAPPER = "x-fastmcp-wrap-result"


class UpstreamTool:
    """The `Entry` of a tool elsewhere. `own_name` is its name there, which may match a pattern of `idempotent`.

    `is_wrapped` is True if its structured output is `{"result": value}` for a value that is no object.
    """

    __slots__ = (
        *("__weakref__", "has_unsafe_names", "info", "is_wrapped"),
        *("may_repeat", "name", "own_name", "version", "versions"),
    )
    direct = False
    asks = True
    waits = True
    stops = True

    def __init__(self, own_name: str, info: ToolInfo, idempotent: Sequence[str], version: str = "") -> None:
        self.version = version
        self.versions: Versions | None = None
        self.name = info["name"]
        self.own_name = own_name
        self.info = info
        self.has_unsafe_names = has_unsafe_names(info["inputSchema"])
        self.is_wrapped = _is_wrapped(own_name, info.get("outputSchema"))
        self.may_repeat = says_repeatable(info) or any(fnmatchcase(own_name, pattern) for pattern in idempotent)


class Tools:
    """The tools that were listed last. Nothing changes when a list has the same tools as before."""

    def __init__(self, entry: Upstream) -> None:
        self._rules, self._idempotent = entry.tools, entry.idempotent
        self._is_personal = entry.exchanges_tokens
        self._hidden = frozenset(entry.disabled_tools)
        self._by_name: dict[str, UpstreamTool] = {}
        self._unapproved: frozenset[str] = frozenset()
        self._shown: dict[str, tuple[str, str]] | None = None
        self._listed: Sequence[ToolInfo] = []

    def listed(self) -> Sequence[ToolInfo]:
        """Returns the tools as MCP lists them. The same object until they change."""
        return self._listed

    def plan(self, name: str) -> UpstreamTool | None:
        """Returns the tool of exactly this name; None if there is none, or if it is hidden."""
        return self._by_name.get(name)

    def find(self, name: str) -> UpstreamTool | None:
        """Returns the tool of a name that may lack the suffix `_tool`, or that is the one shown to models."""
        return self.plan(name) or self.plan(name + TOOL_SUFFIX) or self._find_shown(name)

    def is_unapproved(self, name: str) -> bool:
        """Returns True for a name, which may lack the suffix `_tool`, of a tool that is served once it is approved."""
        return name in self._unapproved or name + TOOL_SUFFIX in self._unapproved

    def replace(self, found: Iterable[Mapping[str, Any]], unapproved: Set[str] = frozenset()) -> bool:
        """Takes the tools that the server lists, without those of these names there.

        Returns False if they are the ones it had.
        """
        served = [tool for tool in map(self._served, found) if tool is not None]
        tools = {tool.name: tool for tool in served if tool.own_name not in unapproved}
        self._unapproved = frozenset(tool.name for tool in served if tool.own_name in unapproved)
        listed = [tool.info for tool in tools.values()]
        if listed == self._listed:
            return False
        # Unchanged tools stay the same entries: a cache knows them by that.
        known = self._by_name
        self._by_name = {
            name: known[name] if name in known and known[name].info == tool.info else tool
            for name, tool in tools.items()
        }
        self._listed = [tool.info for tool in self._by_name.values()]
        self._shown = None
        return True

    def _served(self, tool: Mapping[str, Any]) -> UpstreamTool | None:
        """Returns one tool as it is served; None if it is hidden, or not as MCP describes a tool."""
        name, schema = tool.get("name"), tool.get("inputSchema")
        if not isinstance(name, str) or not name or not isinstance(schema, dict):
            logger.warning("a tool without a name or a schema is left out")
            return None
        rules = self._rules
        is_included = any(fnmatchcase(name, pattern) for pattern in rules.include)
        if not is_included or name in self._hidden or any(fnmatchcase(name, pattern) for pattern in rules.exclude):
            return None
        info = {**tool, "name": rules.rename.get(name, name)}
        if name in rules.describe:
            info["description"] = rules.describe[name]
        if self._is_personal and "_meta" in info:
            info["_meta"] = _private(info["_meta"])
        try:
            encode(info)
        except Unsendable as exc:
            logger.warning("the tool %r is left out: %s", name, exc)
            return None
        return UpstreamTool(name, cast("ToolInfo", info), self._idempotent)

    def _find_shown(self, name: str) -> UpstreamTool | None:
        if self._shown is None:
            self._shown = unambiguous(("", each) for each in self._by_name)
        return self.plan(self._shown[name][1]) if name in self._shown else None


async def list_all(link: Link, method: str, key: str) -> list[Mapping[str, Any]]:
    """Returns the items of all pages of a list. It ends at a cursor that is repeated, and is bounded.

    Raises:
        LinkFailure, Refusal
    """
    items: list[Mapping[str, Any]] = []
    cursors: set[str] = set()
    params: dict[str, Any] = {}
    size = 0
    for _ in range(MAX_PAGES):
        page = await link.request(method, params)
        found = page.get(key)
        items += [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
        size += len(to_json(found))
        cursor = page.get("nextCursor")
        is_full = len(items) >= MAX_TOOLS or size >= MAX_LIST
        if not isinstance(cursor, str) or cursor in cursors or is_full:
            break
        cursors.add(cursor)
        params = {"cursor": cursor}
    return items[:MAX_TOOLS]


def _private(meta: Any) -> Any:
    """Returns the `_meta` of a tool whose results may be cached for their own caller alone."""
    cache = meta.get("cache") if isinstance(meta, dict) else None
    return {**meta, "cache": {**cache, "scope": "private"}} if isinstance(cache, dict) else meta


def _is_wrapped(own_name: str, schema: Any) -> bool:
    """Returns True for the schemas that FastMCP and the SDK make of a value that is no object."""
    if not isinstance(schema, dict):
        return False
    if schema.get(_WRAPPER) is True:
        return True
    is_single = [*schema.get("properties", {})] == ["result"] and schema.get("required") == ["result"]
    return is_single and schema.get("title") == f"{own_name}Output"
