"""Who is asking: set for each request by what stands in front of it, read wherever it matters."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.errors import Forbidden
from gateway.server import Server, ToolInfo


class Grants(Protocol):
    """What a caller may do."""

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        """Whether this tool may be called; of one that there is not, only the name is known."""
        ...

    def covers_all_of(self, server: str) -> bool:
        """Whether all that the server has may be used: its prompts and resources have no scopes of their own."""
        ...

    def missing(self, server: str, tool: str, asked: str) -> str:
        """The scope that is missing for a tool that is not covered, by the name that it was asked for by."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, or a stranger, who has no `name`.

    `address` is what a stranger is counted by: an IPv4 address, the /64 of an IPv6 one. `grants` is None where
    authentication is off: everything is open then. `user` is the principal as the SDK knows it.
    """

    name: str | None = None
    address: str = ""
    grants: Grants | None = None
    user: Any = None

    @property
    def key(self) -> str:
        """What is counted by: no stranger can choose an address that is a principal's name."""
        return f"principal {self.name}" if self.name is not None else f"address {self.address}"

    @property
    def is_unknown(self) -> bool:
        """Whether this is a stranger where authentication is on."""
        return self.name is None and self.grants is not None

    def sees(self, server: Server) -> Sequence[ToolInfo]:
        """The tools of `server` that this caller may call; where that is all, the same object while nothing changed."""
        tools = server.tools()
        if self.grants is None:
            return tools
        return [tool for tool in tools if self.grants.covers(server.name, tool)]

    def uses(self, server: Server) -> bool:
        """Whether there is anything of `server` that this caller may use."""
        return self.grants is None or self.grants.covers_all_of(server.name) or len(self.sees(server)) > 0

    def refusal(self, server: str, tool: ToolInfo | str, asked: str) -> Forbidden | None:
        """Why this tool may not be called; None where it may, or where there is none to be called.

        It says no more than was `asked`: the same, whether or not there is such a tool.
        """
        if self.grants is None or self.grants.covers(server, tool):
            return None
        name = tool if isinstance(tool, str) else tool["name"]
        return Forbidden(server, asked, self.grants.missing(server, name, asked))


_STRANGER = Caller()
caller: ContextVar[Caller] = ContextVar("caller", default=_STRANGER)
