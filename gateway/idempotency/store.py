"""The interface of the stores that keep outcomes by key."""

from __future__ import annotations

from typing import Protocol

from gateway.errors import Conflict

DAY = 24 * 60 * 60
"""Seconds for which an outcome is kept."""


class Store(Protocol):
    """A `slot` stands for a principal's key, `digest` for what is called; both are hexadecimal."""

    async def claim(self, slot: str, digest: str, may_repeat: bool) -> bytes | None:
        """Returns the kept outcome, for which it may wait. None: the caller runs the call, and then keeps or drops it.

        `may_repeat` allows another run if the process of the first one has died.

        Raises:
            Conflict: something else is called with this key.
            Gone: nobody knows the outcome any more.
            Unavailable: the store cannot make sure that the call runs once.
        """
        ...

    async def keep(self, slot: str, record: bytes) -> bool:
        """Ends the claim with an outcome. Returns False if that is not stored yet."""
        ...

    async def drop(self, slot: str) -> None:
        """Ends the claim without one: the next call runs."""
        ...

    def leave(self, slot: str) -> None:
        """Ends a claim that was neither kept nor dropped, if there is one: nobody will know the outcome."""
        ...


def conflict() -> Conflict:
    return Conflict("The caller has used this idempotency key for another call: use a new key for each call.")
