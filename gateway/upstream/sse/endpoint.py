"""The URL that a server names for the POSTs of one session."""

from __future__ import annotations

from gateway.upstream.http.address import Address
from gateway.upstream.link import LinkFailure

MAX_ENDPOINT = 8 * 1024
"""Bytes of the URL, which is sent with each message."""


def endpoint_of(address: Address, data: bytes) -> Address:
    """Returns the address that an `endpoint` event of the stream at `address` names, absolutely or relatively.

    Raises:
        LinkFailure: it names none, or one of another origin, to which the headers of the entry must not go. The reason
            never has its path and query, in which the session is named.
    """
    if len(data) > MAX_ENDPOINT:
        raise LinkFailure(f"its endpoint is longer than {MAX_ENDPOINT} bytes", was_sent=False)
    found = address.joined(data.decode("utf-8", "replace").strip())
    if found is None:
        raise LinkFailure("its endpoint is not a URL", was_sent=False)
    if found.origin != address.origin:
        reason = f"its endpoint is at {found.origin}, another origin than {address.origin}, and is not used"
        raise LinkFailure(reason, was_sent=False)
    return found
