"""Errors that keep a call from its tool, or a server from its start. An error that a tool reports is a result.

GatewayError
├── LoadError            a server or a feature cannot be used as configured
├── StartError           a server's lifespan failed
├── UnknownServer        no server has this name
├── UnknownTool          no tool has this name
│   └── AmbiguousTool    tools of several servers have this name
├── UnknownVersion       the tool has no such version (gateway/versions)
├── Retired              the version is served no more (gateway/versions)
├── Forbidden            the caller's scopes do not cover the call
├── Unapproved           the tool is not the one that was approved
├── NoAccessToken        the caller has no access token that gives access to the server
├── InvalidRequest       the request is malformed
│   └── HeaderMismatch   a header of a native call differs from the argument that it repeats (gateway/versions)
├── TooLarge             the request is too large
├── InvalidEntry         the entry of a server is not valid, or not allowed over the admin API
├── PreconditionFailed   the entry is not the one that the request is about
├── ReadOnly             the admin API cannot change this server
├── InvalidArguments     the arguments do not match the tool's input schema
├── Conflict             another call has the same idempotency key
├── RateLimited          the caller has reached a rate limit
├── ShareExceeded        the caller holds as much of a limit as one caller may
├── ToolCrashed          the tool raised an unexpected exception
├── CallTimeout          the call took too long
├── Cancelled            somebody cancelled the call (gateway/console)
├── Gone                 the process of the call or its answer is gone, or a task was cancelled
├── UnknownTask          the caller has no such task
├── UnknownResultType    the server answered with a kind of result that only an extension knows
├── Unauthenticated      the credential is missing or invalid
│   └── Expired          the credential was valid once
├── UpstreamError        the server runs elsewhere and did not answer, or not as MCP says
└── Unavailable          the router is too busy, is shutting down, or cannot check something now
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.clock import Quota
from gateway.naming import cut, suggest
from gateway.tool import ArgumentError


class GatewayError(Exception):
    """The base class. `str()` is `detail`, a sentence for the caller; `slug` names the kind of error.

    `retry_after` is in seconds, `scope` is what the caller lacks, `outcome` of a call is `not-executed` or `unknown`.
    """

    slug = "error"
    detail = ""
    retry_after: int | None = None
    scope: str | None = None
    outcome: str | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.detail)
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
        super().__init__(f"There is no server {cut(name)!r}.{suggest(name, known)}")
        self.server = cut(name)


class UnknownTool(GatewayError):
    slug = "unknown-tool"

    def __init__(self, name: str, known: Iterable[str], server: str | None = None) -> None:
        where = f"Server {server!r} has" if server else "There is"
        super().__init__(f"{where} no tool {cut(name)!r}.{suggest(name, known)}")
        self.server, self.tool = server, cut(name)


class AmbiguousTool(UnknownTool):
    def __init__(self, name: str, choices: Iterable[str]) -> None:
        GatewayError.__init__(self, f"Several servers have a tool {name!r}; ask for one of: {', '.join(choices)}.")
        self.tool = name


class Forbidden(GatewayError):
    """`scope` is None if no scope can be written like this, with a blank, a quote or other text than ASCII in it."""

    slug = "forbidden"

    def __init__(self, server: str, tool: str | None, scope: str) -> None:
        super().__init__(f"The caller does not have the required scope {cut(scope)!r}.")
        self.server, self.tool = server, tool if tool is None else cut(tool)
        self.scope = scope if re.fullmatch(r"[!#-\[\]-~]{1,256}", scope) else None  # RFC 6749, 3.3


class Unapproved(GatewayError):
    slug = "forbidden"
    detail = "The definition of this tool has changed since it was approved."


class NoAccessToken(GatewayError):
    slug = "forbidden"
    detail = "This server needs an access token of the caller's own; an API key is none."


class InvalidRequest(GatewayError):
    slug = "invalid-request"


class TooLarge(GatewayError):
    slug = "too-large"


class InvalidArguments(GatewayError):
    slug = "invalid-arguments"
    detail = "The arguments do not match the tool's input schema."

    def __init__(self, errors: list[ArgumentError]) -> None:
        super().__init__()
        self.errors = errors


class Conflict(GatewayError):
    slug = "conflict"


class RateLimited(GatewayError):
    slug = "rate-limited"

    def __init__(self, quotas: Sequence[Quota], full: Quota, retry_after: int) -> None:
        super().__init__(f"Rate limit exceeded: {full.calls} calls in {full.seconds} s. Retry in {retry_after} s.")
        self.quotas, self.full, self.retry_after = quotas, full, retry_after  # all that count; the one to wait for


class ShareExceeded(GatewayError):
    slug = "share-exceeded"
    retry_after = 1

    def __init__(self, kind: str, each: int, limit: int) -> None:
        super().__init__(f"Too many {kind}: one caller may have {each} of {limit}.")


class ToolCrashed(GatewayError):
    slug = "tool-crashed"
    detail = "The tool failed unexpectedly. The log has the reason under the request id."


class CallTimeout(GatewayError):
    slug = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The server did not answer within {seconds:g} seconds.")


class Gone(GatewayError):
    slug = "gone"
    detail = "The process in which this call waits is gone, or cannot be reached. Begin the call again."


class UnknownTask(GatewayError):
    slug = "not-found"
    detail = "The caller has no such task: it is unknown, or the server has deleted it."


class UnknownResultType(GatewayError):
    slug = "upstream-error"
    detail = "The server answered with a kind of result that this endpoint does not know."


class Unauthenticated(GatewayError):
    slug = "unauthenticated"
    detail = "The credential is not valid."


class Expired(Unauthenticated):
    detail = "The credential has expired."


class UpstreamError(GatewayError):
    slug = "upstream-error"

    def __init__(self, detail: str, *, was_sent: bool) -> None:
        super().__init__(detail)
        self.outcome = "unknown" if was_sent else "not-executed"


class Unavailable(GatewayError):
    slug = "unavailable"
    retry_after: int | None = 1
