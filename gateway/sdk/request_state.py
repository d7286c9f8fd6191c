"""The keys that seal `requestState`, and their place in the SDK's servers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.request_state import (
    AESGCMRequestStateCodec,
    RequestStateBoundary,
    RequestStateSecurity,
    authenticated_principal,
)

_TTL = 600.0
"""Seconds that a `requestState` is valid by the default of the SDK."""


def new_key() -> str:
    return secrets.token_hex(32)


class StateKeys:
    """A ring of keys: the first seals, all open. Satisfies the SDK's `RequestStateCodec`.

    `are_shared` is True if other processes have them too. Without `ring` there is one new key, of this process alone.
    """

    def __init__(self, ring: Sequence[str] = ()) -> None:
        self.are_shared = bool(ring)
        self._own = AESGCMRequestStateCodec(ring or [new_key()])

    def use(self, ring: Sequence[str]) -> None:
        """Replaces the ring."""
        self._own = AESGCMRequestStateCodec(ring)

    def seal(self, payload: bytes) -> str:
        return self._own.seal(payload)

    def unseal(self, token: str) -> bytes:
        """Returns what was sealed. Raises the SDK's `InvalidRequestState`."""
        return self._own.unseal(token)


def share_state_keys(mcp: MCPServer[Any], keys: StateKeys, server: str) -> None:
    """Makes a server seal with `keys` if they are shared, for the audience `server`, its name here.

    A server whose author gave it another policy than the SDK's default keeps it.
    """
    if not keys.are_shared:
        return
    policy = RequestStateSecurity(codec=keys, audience=server)
    mcp.middleware[:] = [
        RequestStateBoundary(policy, default_audience=server) if _is_default(item) else item for item in mcp.middleware
    ]


def sealing_of(keys: StateKeys, server: str) -> RequestStateBoundary:
    """Returns the middleware that seals the states of `server`, for the caller and the request of each alone."""
    return RequestStateBoundary(RequestStateSecurity(codec=keys), default_audience=server)


def _is_default(item: Any) -> bool:
    """Returns True for the SDK's boundary with a policy like that which it makes itself: one key, and no audience."""
    if type(item) is not RequestStateBoundary:
        return False
    policy = item._security
    return (
        type(policy.codec) is AESGCMRequestStateCodec
        and len(policy.codec._ring) == 1
        and (policy.ttl, policy.audience) == (_TTL, None)
        and policy.bind_principal is authenticated_principal
    )
