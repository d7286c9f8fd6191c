"""The opening of an entry that is not allowed any more, because the settings have changed since it came."""

from __future__ import annotations

from gateway.tool import ArgumentError
from gateway.upstream.link import Heard, Link, LinkFailure


class Refused:
    """Opens nothing, and says why."""

    def __init__(self, refusal: ArgumentError) -> None:
        self._reason = f"{refusal['path']}: {refusal['reason']}"

    async def __call__(self, heard: Heard) -> Link:
        """Raises LinkFailure."""
        raise LinkFailure(self._reason, was_sent=False)

    def close(self) -> None:
        """Has nothing to end."""
