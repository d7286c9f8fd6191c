"""JSON that is put into a native answer as it is.

The SDK copies a result three times before it is sent. For the list of a few hundred tools each copy takes tens of
milliseconds, in which no other request is answered.
"""

from __future__ import annotations

from contextvars import ContextVar
from secrets import token_hex


class RawJSON:
    """A value whose place in the answer is held by `placeholder`, a string that no tool can guess."""

    __slots__ = ("placeholder", "value")

    def __init__(self) -> None:
        self.placeholder = token_hex(16)
        self.value = b""

    def insert(self, body: bytes) -> bytes:
        """Returns a body of the SDK with the value in its place."""
        return body.replace(b'"%b"' % self.placeholder.encode(), self.value) if self.value else body


raw_json: ContextVar[RawJSON | None] = ContextVar("raw_json", default=None)
"""Set by an endpoint that inserts the value; None if the answer takes another way."""
