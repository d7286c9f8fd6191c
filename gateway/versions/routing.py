"""The operator's choice between versions: `MCP_TOOL_ROUTES='math:search=2:90,3:10'`, and the end of one that fails."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.errors import LoadError
from gateway.versions.pin import Pin
from gateway.versions.route import Route
from gateway.versions.version import Version

logger = logging.getLogger(__name__)
WINDOW = 200
"""The last calls of each version that count."""

MIN_CALLS = 20
RATIO = 2.0
MARGIN = 0.05
"""A version is stopped whose share of failures is twice that of the others and 5 points above it, after 20 calls of
each."""

MAX_WEIGHT = 1_000_000


class Routing:
    """Chooses by a hash of the caller: a caller stays with a version for as long as the weights stay as they are.

    Raises:
        LoadError: the text cannot be read.
    """

    def __init__(self, text: str = "") -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self._status: dict[str, dict[str, Any]] = {}
        self._told: dict[str, Callable[[], None]] = {}
        for entry in filter(None, map(str.strip, text.split(";"))):
            key, route = _entry(entry)
            if key in self._routes:
                raise _wrong(entry, "this tool has a route already")
            self._routes[key] = route

    def check(
        self, servers: Mapping[str, Mapping[str, Sequence[Version]]], elsewhere: Mapping[str, Sequence[Version]]
    ) -> None:
        """Raises LoadError for a route without a version.

        `servers` are the versions of all tools of each server; any tool of a server `elsewhere` may have its versions.
        """
        for (server, tool), route in self._routes.items():
            versions = elsewhere.get(server) or servers.get(server, {}).get(tool, ())
            for pin, _ in route.targets:
                if not any(pin.matches(version) for version in versions):
                    raise LoadError(f"MCP_TOOL_ROUTES: {server}:{tool} has no version {pin.text!r}")

    def of(self, server: str, tool: str) -> Route | None:
        return self._routes.get((server, tool))

    def note(self, server: str, tool: str, version: str, *, failed: bool) -> None:
        """Counts a call: it failed if its tool crashed or took too long. Stops a version that fails too often."""
        route = self._routes.get((server, tool))
        if route is None or not route.has(version):
            return
        outcomes = route.outcomes.setdefault(version, deque(maxlen=WINDOW))
        outcomes.append(failed)
        if failed and version not in route.stopped and _is_worse(version, route):
            route.stop(version)
            self._status.setdefault(server, {})["stoppedVersions"] = self._stopped(server)
            logger.error(
                "version stopped: it fails more than the others",
                extra={"fields": {"server": server, "tool": tool, "version": version}},
            )
            if server in self._told:
                self._told[server]()

    def begin(self, server: str, stopped: Callable[[], None]) -> Mapping[str, Any]:
        """Forgets how the versions of a server did that is made anew, and which of them were stopped.

        `stopped` is called when one is stopped: callers get another version then. Returns the status for `/health`,
        which will have the versions that are stopped in this process.
        """
        for (of, _), route in self._routes.items():
            if of == server:
                route.forget()
        self._told[server] = stopped
        self._status[server] = {"status": "ok"}
        return self._status[server]

    def _stopped(self, server: str) -> Mapping[str, Sequence[str]]:
        own = {tool: route for (of, tool), route in self._routes.items() if of == server}
        return {tool: sorted(route.stopped) for tool, route in own.items() if route.stopped}


def _is_worse(version: str, route: Route) -> bool:
    """Compares with the version that is called most. The newest of the route alone can be stopped: it is on trial."""
    trial = max((Version.of(text) for text in route.outcomes), key=lambda each: each.order).text
    others = [outcomes for text, outcomes in route.outcomes.items() if text != version and text not in route.stopped]
    if version != trial or not others:
        return False
    own, other = route.outcomes[version], max(others, key=len)
    if min(len(own), len(other)) < MIN_CALLS:
        return False
    rate, before = sum(own) / len(own), sum(other) / len(other)
    return rate >= RATIO * before and rate >= before + MARGIN


def _entry(text: str) -> tuple[tuple[str, str], Route]:
    name, equals, targets = text.partition("=")
    server, colon, tool = name.strip().partition(":")
    if not (equals and colon and server and tool):
        raise _wrong(text, "expected server:tool=version:weight,version:weight")
    salt = f"{server}\0{tool}\0".encode(errors="surrogatepass")
    return (server, tool), Route(salt, [_target(each.strip()) for each in targets.split(",")])


def _target(text: str) -> tuple[Pin, int]:
    version, _, weight = text.partition(":")
    if not (weight.isascii() and weight.isdecimal() and len(weight) < 8 and int(weight) <= MAX_WEIGHT):
        raise _wrong(text, f"expected a version and a whole weight of at most {MAX_WEIGHT}, like 3:10")
    try:
        return Pin(version), int(weight)
    except ValueError as exc:
        raise _wrong(text, str(exc)) from exc


def _wrong(piece: str, expected: str) -> LoadError:
    return LoadError(f"MCP_TOOL_ROUTES: {piece!r}: {expected}")
