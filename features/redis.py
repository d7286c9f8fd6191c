"""The Redis that rate limits and the cache share with other workers and replicas: `REDIS_URL`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from features.feature import Feature, optional_packages
from features.local import Found
from gateway.errors import LoadError
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.redis import RedisClient

_SCHEMES = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis(Feature):
    """One client for all features; None if it is off."""

    client: RedisClient | None = None


def redis(settings: Settings, found: Found) -> Redis:
    """Raises LoadError if the package is missing, or the URL is not one of Redis."""
    if not settings.redis_url:
        return Redis()
    if not settings.redis_url.startswith(_SCHEMES):  # before a missing package is told
        raise LoadError(f"REDIS_URL: expected a URL that begins with one of {', '.join(_SCHEMES)}")
    with optional_packages("REDIS_URL"):
        from gateway.redis import RedisClient
        from gateway.redis_budget import RedisBudget

        client = RedisClient(settings.redis_url, settings.redis_prefix or deployment(settings, found))
        return Redis(interceptors=[RedisBudget()], lifetimes=[client.opened], client=client)


def deployment(settings: Settings, found: Found) -> str:
    """Returns a short digest of what replicas of one deployment have in common, and other deployments have not.

    It is the same for all workers and at each start. The content of the key file is left out, since it changes.
    """
    urls = [settings.public_url, sorted(settings.allowed_hosts)]
    access = [settings.auth_issuer, settings.auth_audience, settings.auth_keys]
    text = json.dumps([urls, access, sorted(found.names)])
    return blake2b(text.encode(), digest_size=6).hexdigest()
