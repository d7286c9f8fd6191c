"""The prefix that a proxy removes from the path: `MCP_PUBLIC_URL`, `MCP_TRUSTED_PROXIES`."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.middleware import Middleware

from features.feature import Feature
from settings.values import Settings


def prefix(settings: Settings) -> Feature:
    """Adds the prefix to every link. The path of the public URL, if there is one, is the prefix of every request."""
    fixed = urlsplit(settings.public_url).path
    if not fixed and (settings.public_url or not settings.trusted_proxies):
        return Feature()
    from routes.middleware.prefix import Prefix

    return Feature(middleware=[Middleware(Prefix, trusted=settings.trusted_proxies, fixed=fixed)])
