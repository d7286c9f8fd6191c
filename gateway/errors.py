"""What can keep a call from its tool, or a server from its start. What a tool itself says went wrong is a result.

GatewayError
├── LoadError            a server's file cannot be served as it is
├── StartError           a server's own lifespan failed
├── UnknownServer        no server of that name
├── UnknownTool          no tool of that name
│   └── AmbiguousTool    several, in different servers
├── Forbidden            the caller's scopes do not cover it
├── InvalidRequest       the request around the arguments is wrong
├── TooLarge             it is longer than it may be
├── InvalidArguments     the arguments do not match the tool's schema
├── RateLimited          the caller has made all the calls that they may make for now
├── ToolCrashed          the tool raised what it did not mean to
├── CallTimeout          the tool took longer than it may
├── Unauthenticated      a credential that is nobody's, or none where one is needed
│   └── Expired          it was somebody's
└── Unavailable          too busy, or on the way down
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypedDict

_LONGEST = 128
_SCOPE = re.compile(r"[!#-\[\]-~]{1,256}")  # RFC 6749, 3.3


class ArgumentError(TypedDict):
    """Where an argument is wrong (`items.0.name`) and why; never its value."""

    path: str
    reason: str


class Quota(NamedTuple):
    """So many `calls` in any time of so many `seconds`, by name."""

    name: str
    calls: int
    seconds: int


class GatewayError(Exception):
    """`str()` is a sentence fit for the caller; `slug` names the kind, `retry_after` is in seconds.

    `scope` is what the caller would need.
    """

    slug = "error"
    retry_after: int | None = None
    scope: str | None = None

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


class Forbidden(GatewayError):
    """`scope` stays None where no scope can be written so: it has a blank, a quote or what is not ASCII in it."""

    slug = "forbidden"

    def __init__(self, server: str, tool: str | None, scope: str) -> None:
        super().__init__(f"This needs the scope {_cut(scope)!r}, which the caller does not have.")
        self.server, self.tool = server, tool if tool is None else _cut(tool)
        self.scope = scope if _SCOPE.fullmatch(scope) else None


class InvalidRequest(GatewayError):
    slug = "invalid-request"


class TooLarge(GatewayError):
    slug = "too-large"


class InvalidArguments(GatewayError):
    slug = "invalid-arguments"

    def __init__(self, errors: list[ArgumentError]) -> None:
        super().__init__("The arguments do not match the tool's input schema.")
        self.errors = errors


class RateLimited(GatewayError):
    """`quotas` are all that the call counts in, `full` the one of them that it has to wait for."""

    slug = "rate-limited"

    def __init__(self, quotas: Sequence[Quota], full: Quota, retry_after: int) -> None:
        super().__init__(f"At most {full.calls} calls in {full.seconds} s; the next one may come in {retry_after} s.")
        self.quotas, self.full, self.retry_after = quotas, full, retry_after


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


class Expired(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The credential has expired.")


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
