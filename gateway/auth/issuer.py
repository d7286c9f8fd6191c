"""The issuer of access tokens as the settings name it."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from gateway.errors import LoadError

logger = logging.getLogger(__name__)
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def check_issuer(issuer: str, audience: str) -> None:
    """Raises LoadError if the issuer is not a URL, or the audience is missing. Needs no optional package."""
    try:
        parts = urlsplit(issuer)
        is_url = parts.scheme in ("https", "http") and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        is_url = False
    if not is_url:
        raise LoadError(f"MCP_AUTH_ISSUER={issuer!r}: expected a URL that begins with https://")
    if not audience:
        raise LoadError("MCP_AUTH_ISSUER needs MCP_AUTH_AUDIENCE, or tokens for other services would be accepted")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        logger.warning("MCP_AUTH_ISSUER=%s: its keys could be replaced on the way; use https", issuer)
