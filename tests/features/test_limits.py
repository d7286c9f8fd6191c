"""Settings that turn rate limits on."""

from __future__ import annotations

from typing import Any

import pytest

from features.auth import address
from features.feature import Feature
from features.limits import RateLimits, rate_limits
from features.local import Found
from features.redis import redis
from gateway.errors import LoadError
from settings.values import Settings
from tests.features.made import names_of

URL = "redis://127.0.0.1:1"


def storage_of(feature: Feature) -> Any:
    (limit,) = feature.interceptors
    return limit._storage  # type: ignore[attr-defined]


def test_without_rules_there_is_no_limit() -> None:
    assert rate_limits(Settings(), None) == RateLimits()
    assert rate_limits(Settings(redis_url=URL), redis(Settings(redis_url=URL), Found()).client) == RateLimits()


def test_calls_are_counted_in_memory_without_redis() -> None:
    on = rate_limits(Settings(rate_limit="1/minute"), None)
    assert names_of(on.interceptors) == ["RateLimit"]
    assert type(storage_of(on)).__name__ == "MemoryWindows"
    assert (on.middleware, on.routes, on.lifetimes) == ((), (), ())


def test_calls_are_counted_in_redis_if_it_is_on() -> None:
    settings = Settings(rate_limit="1/minute", redis_url=URL)
    assert type(storage_of(rate_limits(settings, redis(settings, Found()).client))).__name__ == "RedisWindows"


def test_rate_limits_need_the_address_of_the_client() -> None:
    assert names_of(address(Settings(rate_limit="1/minute")).middleware) == ["Address"]


def test_wrong_rule_is_a_load_error() -> None:
    with pytest.raises(LoadError, match="sometimes"):
        rate_limits(Settings(rate_limit="sometimes"), None)
