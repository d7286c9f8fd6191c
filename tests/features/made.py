"""Features created from settings, without an application."""

from __future__ import annotations

from typing import Any

from features.all import Features, all_features
from features.local import Found
from gateway.servers.registry import Registry
from settings.values import Settings


def features_of(*, found: Found | None = None, **settings: Any) -> Features:
    """Returns the features that `settings` turn on, in front of servers that are not opened."""
    return all_features(Settings(**settings), found or Found(), Registry(), int)


def names_of(parts: Any) -> list[str]:
    """Returns the class of each interceptor or middleware."""
    return [getattr(part, "cls", type(part)).__name__ for part in parts]
