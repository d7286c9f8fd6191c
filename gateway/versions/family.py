"""The versions of one tool, and which of them a call gets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.caller import Caller, caller
from gateway.errors import CallTimeout, GatewayError, ToolCrashed, Unavailable
from gateway.tool import VERSIONS_META, Deprecation, Entry, ToolInfo
from gateway.versions.errors import Retired, UnknownVersion
from gateway.versions.pin import Pin, pin_of
from gateway.versions.routing import Routing
from gateway.versions.version import Version

CRASHES = frozenset({ToolCrashed.slug, CallTimeout.slug})
MAX_DESCRIPTIONS = 64
"""Descriptions of one tool that are kept, of callers who may call other versions."""


@dataclass(frozen=True, slots=True)
class Member:
    version: Version
    entry: Entry
    deprecation: Deprecation | None = None

    def is_retired(self, now: float) -> bool:
        sunset = self.deprecation.sunset if self.deprecation is not None else None
        return sunset is not None and sunset <= now


class _Live(NamedTuple):
    """The versions that are not retired at any time from `since` until before `until`. `texts` are the `releases`."""

    since: float
    until: float
    members: Sequence[Member]
    releases: Sequence[Member]
    texts: tuple[str, ...]


class Family:
    """The `Versions` of the tool `name`. `now` returns seconds since 1970.

    A call gets the version that it asks for, or else the one pinned for its caller, or else the one that `routing`
    chooses, or else the highest that is no pre-release. `absent` returns versions of which nobody knows at the moment
    if the tool has them. Calls with an outcome of `failures` count as failures.
    """

    def __init__(
        self,
        server: str,
        name: str,
        members: Sequence[Member],
        routing: Routing,
        *,
        now: Callable[[], float] = time.time,
        absent: Callable[[], Sequence[Version]] = tuple,
        failures: Set[str] = CRASHES,
    ) -> None:
        self.name = name
        self.failures = failures
        self._absent = absent
        self._server = server
        self._members = sorted(members, key=lambda member: member.version.order, reverse=True)
        self._route = routing.of(server, name)
        self._now = now
        self._of_text: Mapping[str, Member] = {member.version.text: member for member in self._members}
        self._described: dict[tuple[str, ...], ToolInfo] = {}
        self._lives = self._live_at(now())

    @property
    def are_shown(self) -> bool:
        return len(self._members) > 1 or self._members[0].deprecation is not None

    def choose(self, wanted: str | None) -> Entry:
        asking = caller.get()
        pinned = wanted
        if pinned is None and asking.grants is not None:
            pinned = asking.grants.pinned(self._server, self.name)
        if pinned is not None:
            return self._pinned(pin_of(pinned), asking).entry
        live = self._live()
        usable, texts = live.releases, live.texts
        if asking.grants is not None:
            usable = [member for member in usable if self._may(asking, member)]
            texts = tuple([member.version.text for member in usable])
        if not usable:
            return (live.releases[0] if live.releases else self._ended()).entry
        return usable[0 if self._route is None else self._route.choose(texts, asking)].entry

    def current(self) -> Entry:
        """Returns the version for the present caller; if there is none, the highest, whose calls are refused."""
        try:
            return self.choose(None)
        except GatewayError:
            return self._members[0].entry

    def listed(self) -> Sequence[ToolInfo]:
        """Returns the version that the present caller gets, as it is listed; nothing if there is none."""
        try:
            return [self.described(self.choose(None))]
        except GatewayError:
            return []

    def exact(self, version: str) -> Entry | None:
        member = self._of_text.get(version)
        return None if member is None else member.entry

    def live(self) -> Sequence[Entry]:
        asking = caller.get()
        return [member.entry for member in self._live().members if self._may(asking, member)]

    def deprecation(self, version: str) -> Deprecation | None:
        return self._of_text[version].deprecation

    def check(self, version: str) -> None:
        member = self._of_text[version]
        if member.is_retired(self._now()):
            raise self._retired(member)

    def described(self, entry: Entry) -> ToolInfo:
        """Returns one version as the present caller sees it, with the versions that there are for this caller."""
        if not self.are_shown:
            return entry.info
        visible = tuple(other.version for other in self.live())
        key = (entry.version, *visible)
        if key not in self._described:
            if len(self._described) >= MAX_DESCRIPTIONS:
                self._described.clear()
            info: Any = entry.info
            described: Any = {**info, "_meta": {**info["_meta"], VERSIONS_META: [*visible]}}
            self._described[key] = described
        return self._described[key]

    def _live(self) -> _Live:
        now = self._now()
        if not self._lives.since <= now < self._lives.until:
            self._lives = self._live_at(now)
        return self._lives

    def _live_at(self, now: float) -> _Live:
        ends = [each.deprecation.sunset for each in self._members if each.deprecation and each.deprecation.sunset]
        since = max((end for end in ends if end <= now), default=-math.inf)
        until = min((end for end in ends if end > now), default=math.inf)
        members = [member for member in self._members if not member.is_retired(now)]
        releases = [member for member in members if not member.version.pre_release]
        return _Live(since, until, members, releases, tuple([member.version.text for member in releases]))

    def _may(self, asking: Caller, member: Member) -> bool:
        return asking.grants is None or asking.grants.covers(self._server, member.entry.info)

    def _pinned(self, pin: Pin, asking: Caller) -> Member:
        matching = [member for member in self._members if pin.matches(member.version)]
        live = [member for member in self._live().members if member in matching]
        fitting = [member for member in live if self._may(asking, member)] or live
        if fitting:
            return fitting[0]
        if matching:
            raise self._retired(matching[0])
        if any(pin.matches(version) for version in self._absent()):
            raise Unavailable(f"The server of version {pin.text} of tool {self.name!r} is not ready.")
        raise UnknownVersion(self._server, self.name, pin.text, [entry.version for entry in self.live()])

    def _ended(self) -> Member:
        """Returns nothing: no version is left that a call gets without asking for it."""
        releases = [member for member in self._members if not member.version.pre_release]
        if releases:
            raise self._retired(releases[0])
        known = [entry.version for entry in self.live()]
        raise UnknownVersion(self._server, self.name, "that is no pre-release", known)

    def _retired(self, member: Member) -> Retired:
        deprecation = member.deprecation
        assert deprecation is not None
        assert deprecation.sunset is not None
        day = f"{datetime.fromtimestamp(deprecation.sunset, UTC):%Y-%m-%d}"
        return Retired(self._server, self.name, member.version.text, day, deprecation.use)
