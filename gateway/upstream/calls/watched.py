"""The resources that clients watch at the links of one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcp.server.connection import Connection

from gateway.caller import Caller
from gateway.upstream.calls.subscriptions import Subscriptions
from gateway.upstream.link import Keeper


@dataclass(eq=False, frozen=True, slots=True)
class Client:
    """A session or a stream of a caller. `tell` is called with each resource that has changed, and its link's place."""

    connection: Connection
    who: Caller
    tell: Callable[[str, str], None]


@dataclass(slots=True)
class Resource:
    """`who` was the first who watched it."""

    who: Caller
    clients: dict[Client, None] = field(default_factory=dict)


@dataclass(slots=True)
class Watched:
    """The resources at one place. Its link is in use as long as there are any, and so does not end for being idle."""

    subscriptions: Subscriptions
    used: Keeper | None = None
    resources: dict[str, Resource] = field(default_factory=dict)

    def leave(self) -> None:
        if self.used is not None:
            self.used.leave()
            self.used = None
