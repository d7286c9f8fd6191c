"""The caller of a request: set by the middleware in front of it, read wherever it matters."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from gateway.errors import Forbidden
from gateway.tool import ToolInfo


class ListsTools(Protocol):
    """The part of a server that decides what a caller sees."""

    @property
    def name(self) -> str: ...

    def tools(self) -> Sequence[ToolInfo]: ...


class Grants(Protocol):
    """Permissions of a caller."""

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        """Returns True if this tool may be called. Pass the name of a tool that does not exist."""
        ...

    def covers_all_of(self, server: str) -> bool:
        """Returns True if everything of the server may be used; prompts and resources have no scopes of their own."""
        ...

    def covers_own(self, area: str, action: str) -> bool:
        """Returns True for something of the router itself, such as `metrics:scrape`: a scope must name the area."""
        ...

    def pinned(self, server: str, tool: str) -> str | None:
        """Returns the versions that calls get which ask for none, as a pin; None if nothing is pinned."""
        ...

    def administers(self) -> bool:
        """Returns True for the scope `admin` itself, which no pattern includes."""
        ...

    def missing(self, server: str, tool: str, asked: str) -> str:
        """Returns the missing scope for a tool that is not covered, written with the name the caller used."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, or an anonymous client, which has no `name`.

    `address` identifies an anonymous client: an IPv4 address, or the /64 of an IPv6 one. `grants` is None if
    authentication is off; everything is allowed then. `user` is the principal as the SDK knows it. `identity` tells
    principals apart whose names are equal: a key has the name of an earlier one that was revoked.
    """

    name: str | None = None
    address: str = ""
    grants: Grants | None = None
    user: Any = None
    identity: str | None = None

    @property
    def owner(self) -> str | None:
        """The principal to which results and waiting calls belong; None for an anonymous client."""
        return self.identity if self.identity is not None else self.name

    @property
    def key(self) -> str:
        """The key for counting. The prefix keeps an address from being taken for a principal."""
        return f"principal {self.owner}" if self.name is not None else f"address {self.address}"

    @property
    def is_anonymous(self) -> bool:
        """True for a client without a credential while authentication is on."""
        return self.name is None and self.grants is not None

    def sees(self, server: ListsTools) -> Sequence[ToolInfo]:
        """Returns the tools this caller may call. If those are all, the same object until the tools change."""
        tools = server.tools()
        if self.grants is None:
            return tools
        return [tool for tool in tools if self.grants.covers(server.name, tool)]

    def uses(self, server: ListsTools) -> bool:
        """Returns True if the caller may use anything of `server`."""
        return self.uses_all_of(server) or len(self.sees(server)) > 0

    def uses_all_of(self, server: ListsTools) -> bool:
        """Returns True if the caller may use everything of `server`."""
        return self.grants is None or self.grants.covers_all_of(server.name)

    def refusal(self, server: str, tool: ToolInfo | str, asked: str) -> Forbidden | None:
        """Returns the reason why this tool may not be called, or None.

        The reason names only what was `asked`, so that it is the same for an existing tool and a missing one.
        """
        if self.grants is None or self.grants.covers(server, tool):
            return None
        name = tool if isinstance(tool, str) else tool["name"]
        return Forbidden(server, asked, self.grants.missing(server, name, asked))


class Subject:
    """The caller's own access token, which is forgotten when its request is over. `digest` is its hash."""

    __slots__ = ("digest", "token")

    def __init__(self, token: str) -> None:
        self.token: str | None = token
        self.digest = blake2b(token.encode(), digest_size=32).digest()


ANONYMOUS = Caller()
caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)

subject: ContextVar[Subject | None] = ContextVar("subject", default=None)
"""Set only if a server needs it, and only for a caller with a valid access token of the issuer."""
