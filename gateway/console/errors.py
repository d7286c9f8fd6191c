"""The error of a call that was cancelled in the console."""

from __future__ import annotations

from gateway.errors import GatewayError


class Cancelled(GatewayError):
    slug = "cancelled"
    detail = "The call was cancelled in the console."
