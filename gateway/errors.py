"""What can keep a call from its tool, or a server from its start. What a tool itself says went wrong is a result.

GatewayError
├── LoadError            a server's file cannot be served as it is
├── StartError           a server's own lifespan failed
├── UnknownServer        no server of that name
├── UnknownTool          no tool of that name
│   └── AmbiguousTool    several, in different servers
├── InvalidRequest       the request around the arguments is wrong
├── TooLarge             it is longer than it may be
├── InvalidArguments     the arguments do not match the tool's schema
├── ToolCrashed          the tool raised what it did not mean to
├── CallTimeout          the tool took longer than it may
├── Unauthenticated      a credential that is nobody's, or none where one is needed
└── Unavailable          too busy, or on the way down
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypedDict

_LONGEST = 128


class ArgumentError(TypedDict):
    """Where an argument is wrong (`items.0.name`) and why; never its value."""

    path: str
    reason: str


class GatewayError(Exception):
    """`str()` is a sentence fit for the caller; `slug` names the kind, `retry_after` is in seconds."""

    slug = "error"
    retry_after: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.server: str | None = None
        self.tool: str | None = None
        self.errors: list[ArgumentError] = []


class LoadError(GatewayError):
    slug = "load"


class StartError(GatewayError):
    slug = "start"


class UnknownServer(GatewayError):
    slug = "unknown-server"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no server {_cut(name)!r}.{_suggest(name, known)}")
        self.server = _cut(name)


class UnknownTool(GatewayError):
    slug = "unknown-tool"

    def __init__(self, name: str, known: Iterable[str], server: str | None = None) -> None:
        where = f"Server {server!r} has" if server else "There is"
        super().__init__(f"{where} no tool {_cut(name)!r}.{_suggest(name, known)}")
        self.server, self.tool = server, _cut(name)


class AmbiguousTool(UnknownTool):
    def __init__(self, name: str, choices: Iterable[str]) -> None:
        GatewayError.__init__(self, f"Several servers have a tool {name!r}; ask for one of: {', '.join(choices)}.")
        self.tool = name


class InvalidRequest(GatewayError):
    slug = "invalid-request"


class TooLarge(GatewayError):
    slug = "too-large"


class InvalidArguments(GatewayError):
    slug = "invalid-arguments"

    def __init__(self, errors: list[ArgumentError]) -> None:
        super().__init__("The arguments do not match the tool's input schema.")
        self.errors = errors


class ToolCrashed(GatewayError):
    slug = "tool-crashed"

    def __init__(self) -> None:
        super().__init__("The tool failed unexpectedly. The log has the reason under the request id.")


class CallTimeout(GatewayError):
    slug = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The tool did not answer within {seconds:g} seconds.")


class Unauthenticated(GatewayError):
    slug = "unauthenticated"

    def __init__(self, detail: str = "The credential is not valid.") -> None:
        super().__init__(detail)


class Unavailable(GatewayError):
    slug = "unavailable"
    retry_after = 1


def _cut(name: str) -> str:
    """A name that a client made up, not longer than any that there could be."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _suggest(name: str, known: Iterable[str]) -> str:
    """The nearest names as a sentence; a long name is not compared, it would take the time that its length squared."""
    nearest = get_close_matches(name, known, n=3, cutoff=0.5) if len(name) <= _LONGEST else []
    return f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
