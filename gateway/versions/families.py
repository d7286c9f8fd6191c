"""The tools of one server by their public names: those with versions, and the names that are hidden behind these."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from gateway.tool import VERSION_META, Entry
from gateway.versions.declaration import DECLARED, Declared, Meta, declares, sorted_out
from gateway.versions.family import Family, Member
from gateway.versions.routing import Routing

logger = logging.getLogger(__name__)
DEPRECATED_META = "dev.multi-mcp/deprecated"
Make = Callable[[str, str, Mapping[str, Any], str], Any]
"""Makes the entry of a tool: takes its own name, its public name, its `_meta` and its version."""


class Families:
    """Made once for each server; `sort` is called whenever its tools have changed.

    A tool that comes while the server runs with a wrong declaration is left out, with a warning.
    """

    def __init__(self, server: str, routing: Routing) -> None:
        self._server = server
        self._routing = routing
        self.of_name: Mapping[str, Family] = {}
        self.public: Mapping[str, str] = {}
        self.left_out: Set[str] = frozenset()

    def sort(self, tools: Iterable[tuple[str, Meta]], make: Make) -> None:
        """Takes the tools by their own names. After it, `public` has the public name of each that has a version."""
        metas = dict(tools)
        declared, faults = sorted_out(metas.items())
        for fault in faults:  # at the start, it is refused
            logger.warning("server %r: not served: %s", self._server, fault)
        self.left_out = {name for name, meta in metas.items() if declares(meta) and name not in declared}
        self.public = {name: each.name for name, each in declared.items()}
        self.of_name = {public: self._family(public, declared, metas, make) for public in {*self.public.values()}}

    def _family(self, public: str, declared: Mapping[str, Declared], metas: Mapping[str, Meta], make: Make) -> Family:
        own = {name: each for name, each in declared.items() if each.name == public}
        is_single = len(own) == 1 and next(iter(own.values())).deprecation is None
        members: list[Member] = []
        for name, each in own.items():
            meta = {**(metas[name] or {})} if is_single else _meta(metas[name], each)
            entry: Entry = make(name, public, meta, each.version.text)
            members.append(Member(each.version, entry, each.deprecation))
        family = Family(self._server, public, members, self._routing)
        for member in members:
            member.entry.versions = family  # type: ignore[misc]
        return family


def _meta(meta: Meta, declared: Declared) -> dict[str, Any]:
    """Returns the `_meta` of a version as clients see it, with our own names in place of the declaration's."""
    rest = {key: value for key, value in (meta or {}).items() if key not in DECLARED}
    own = {VERSION_META: declared.version.text}
    deprecated = {DEPRECATED_META: (meta or {})["deprecated"]} if declared.deprecation is not None else {}
    return {**rest, **own, **deprecated}
