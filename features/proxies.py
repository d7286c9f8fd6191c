"""The prefix that a proxy removes from the path: `MCP_PUBLIC_URL`, `MCP_TRUSTED_PROXIES`."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.middleware import Middleware

from features.feature import Feature
from settings.values import Settings


def prefix(settings: Settings) -> Feature:
    """Adds the prefix to every link. The path of the public URL, if there is one, is the prefix of every request."""
    if not (settings.public_url or settings.trusted_proxies):
        return Feature()
    from routes.middleware.prefix import Prefix

    fixed = urlsplit(settings.public_url).path
    if settings.public_url and not fixed:
        return Feature()
    return Feature(middleware=[Middleware(Prefix, trusted=settings.trusted_proxies, fixed=fixed)])
