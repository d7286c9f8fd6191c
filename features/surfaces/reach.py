"""A way in besides native MCP and JSON, and everything that one may need to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute

from features.all import Features
from features.feature import Feature, Streams
from features.local import Begun
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Feature):
    """`server_routes` are those under `/{server}`; `streams` end with the process. Everything is empty if it is off."""

    server_routes: Sequence[BaseRoute] = ()
    streams: Sequence[Streams] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """The parts of the application that a surface reaches."""

    settings: Settings
    features: Features
    registry: Registry
    names: Names
    begun: Begun = field(default_factory=Begun)
