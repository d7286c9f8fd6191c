"""Errors of changes that are refused."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.tool import ArgumentError


class InvalidEntry(GatewayError):
    """`errors` name the keys, never a value."""

    slug = "invalid-entry"
    detail = "The entry is not valid, or not allowed over the admin API."

    def __init__(self, errors: Sequence[ArgumentError]) -> None:
        super().__init__()
        self.errors = [*errors]


class PreconditionFailed(GatewayError):
    slug = "precondition-failed"


class ReadOnly(GatewayError):
    slug = "read-only"


def invalid(path: str, reason: str) -> InvalidEntry:
    return InvalidEntry([ArgumentError(path=path, reason=reason)])
