"""Tools that ask for input, beyond one process: `MCP_STATE_KEYS`, `REDIS_URL`, `WORKERS`."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from features.feature import Feature
from gateway.local.waiting_states import WaitingStates
from gateway.sdk.request_state import StateKeys, new_key
from settings.values import Settings


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The same for all workers of one parent: their key."""

    key: str


inherited: ContextVar[Inheritance | None] = ContextVar("inherited", default=None)
"""Set in a worker before it makes its application. Neither its command line nor its environment has the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(Feature):
    states: WaitingStates


def inheritance() -> Inheritance:
    """Returns what a parent hands to each worker that it starts."""
    return Inheritance(new_key())


def asking(settings: Settings) -> Asking:
    """Shares the keys of `requestState` with workers and replicas, as far as they can be shared."""
    own = inherited.get()
    ring = settings.state_keys or ((own.key,) if own is not None else ())
    return Asking(states=WaitingStates(StateKeys(ring)))
