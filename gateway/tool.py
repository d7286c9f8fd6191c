"""A tool as every part of the gateway knows it before it is called, and what may be wrong with its arguments."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, NotRequired, Protocol, TypedDict

VERSION_META = "dev.multi-mcp/version"
"""The field of `_meta` with the version of a tool: in lists and results that which is meant, in a call the wanted one.
"""


VERSIONS_META = "dev.multi-mcp/versions"
"""The field with all versions that the caller may call."""


class ToolInfo(TypedDict):
    """A tool as MCP lists it on the wire."""

    name: str
    title: NotRequired[str]
    description: NotRequired[str]
    inputSchema: dict[str, Any]
    outputSchema: NotRequired[dict[str, Any]]
    annotations: NotRequired[dict[str, Any]]


class ArgumentError(TypedDict):
    """The path of an invalid argument, such as `items.0.name`, and the reason. Never has the value."""

    path: str
    reason: str


def is_for_models(tool: ToolInfo) -> bool:
    """Returns False for a tool that only the server's own UI may call: `_meta.ui.visibility` lacks "model"."""
    meta: Any = tool.get("_meta")
    ui = meta.get("ui") if isinstance(meta, dict) else None
    visibility = ui.get("visibility") if isinstance(ui, dict) else None
    return not isinstance(visibility, list) or "model" in visibility


def version_of(tool: ToolInfo) -> str:
    """Returns the version that a tool declares; empty if it declares none."""
    meta: Any = tool.get("_meta")
    version = (meta.get(VERSION_META) or meta.get("version")) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The end of a version. `since` and `sunset` are seconds since 1970; `use` is a pin of what to use instead."""

    since: float
    sunset: float | None = None
    use: str = ""
    why: str = ""


class Versions(Protocol):
    """The versions of one tool, each of which is an entry."""

    @property
    def are_shown(self) -> bool:
        """False for a single version that is not deprecated: answers are those of a tool without versions."""
        ...

    @property
    def failures(self) -> Set[str]:
        """The outcomes of calls that count as failures of their version."""
        ...

    def choose(self, wanted: str | None) -> Entry:
        """Returns the version for the present caller. `wanted` is a pin; None leaves the choice to the rules.

        One that the caller may not call is returned if no other fits: authorization refuses it.

        Raises:
            GatewayError: the pin is malformed, or there is no such version, or it is retired.
        """
        ...

    def exact(self, version: str) -> Entry | None:
        """Returns the version that is written like this."""
        ...

    def live(self) -> Sequence[Entry]:
        """Returns the versions that the present caller may call, without those that are retired. The highest first."""
        ...

    def deprecation(self, version: str) -> Deprecation | None: ...

    def check(self, version: str) -> None:
        """Raises GatewayError if the version is retired."""
        ...


class Entry(Protocol):
    """A tool that a server has now. A changed tool is another entry."""

    @property
    def name(self) -> str:
        """The exact name on its server."""
        ...

    @property
    def info(self) -> ToolInfo: ...

    @property
    def direct(self) -> bool:
        """True if its function alone is called: it cannot report progress, ask its client, or see the request."""
        ...

    @property
    def asks(self) -> bool:
        """False if a call never asks its client for input: it ends with a result, or with an error."""
        ...

    @property
    def has_unsafe_names(self) -> bool:
        """True if models know some of its arguments by other names than the tool; see `argument_names`."""
        ...

    @property
    def waits(self) -> bool:
        """False if its function awaits nothing, so that a call has ended with its first step."""
        ...

    @property
    def stops(self) -> bool:
        """True if a call always ends when it is cancelled, since no author's code runs here that could ignore that."""
        ...

    @property
    def may_repeat(self) -> bool:
        """True if a call may run a second time when nobody knows whether it has run: that does no harm."""
        ...

    @property
    def version(self) -> str:
        """The version that this is of its tool; empty for a tool without versions."""
        ...

    @property
    def versions(self) -> Versions | None:
        """All versions of the tool; None for a tool without versions."""
        ...


def says_repeatable(info: ToolInfo) -> bool:
    """Returns True for a tool that says itself that a second run does no harm."""
    hints = info.get("annotations") or {}
    return hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True
