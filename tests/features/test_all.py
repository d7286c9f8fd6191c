"""All features together: which modules they import, and how they are wired to each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from features.all import Features
from features.auth import Auth
from features.console import Console
from features.events import Events
from features.feature import Feature
from features.limits import RateLimits
from features.local import Found
from features.redis import Redis
from features.telemetry import CallLogged, Metrics
from tests.features.made import features_of, names_of
from tests.shipped import shipped

ROOT = Path(__file__).parents[2]
OPTIONAL = ("redis", "prometheus_client", "jwt", "opentelemetry.sdk", "opentelemetry.exporter")
"""Packages that only a feature needs."""

LOADED = """
import sys
from app import create_app
from settings.values import Settings
create_app(Settings(**{settings}))
print(*sorted(sys.modules))
"""


def loaded(**settings: object) -> set[str]:
    """Returns the modules of a process that has made an application with these settings."""
    script = LOADED.format(settings={"servers_dir": (shipped(),), **settings})
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def parts_of(modules: set[str]) -> set[str]:
    """Returns the project's own modules."""
    return {name for name in modules if name.partition(".")[0] in ("gateway", "routes")}


@pytest.mark.slow
def test_disabled_features_are_not_imported() -> None:
    off = loaded()
    unused = ("gateway.relay", "gateway.console", "routes.console")
    assert [name for name in off if name in OPTIONAL or name.startswith(unused)] == []
    on = loaded(metrics="/metrics", traces_exporter="otlp", redis_url="redis://127.0.0.1:1", rate_limit="1/minute")
    optional = parts_of(on) - parts_of(off)
    assert {
        "gateway.redis",
        "gateway.relay.redis_way",
        "routes.middleware.address",
        "gateway.telemetry.metrics",
        "routes.metrics",
        "gateway.telemetry.tracing",
    } <= optional
    assert {"prometheus_client", "redis", "opentelemetry.sdk"} <= on


@pytest.mark.slow
def test_one_feature_imports_only_its_own_packages() -> None:
    metrics = loaded(metrics="/metrics")
    assert [name for name in OPTIONAL if name in metrics] == ["prometheus_client"]


@pytest.mark.slow
def test_rate_limits_in_memory_need_no_optional_package() -> None:
    limited = loaded(rate_limit="1/minute")
    assert "gateway.limits.rate_memory" in limited
    assert [name for name in OPTIONAL if name in limited] == []


def test_default_settings_turn_on_only_the_call_log_and_idempotency_keys() -> None:
    off = Feature()
    features = features_of()
    assert names_of(features.call_log.interceptors) == ["Record"]
    off_again = features_of(log_level="warning")
    assert off_again == Features(
        call_log=CallLogged(),
        console=Console(),
        prefix=off,
        address=off,
        tracing=off,
        metrics=Metrics(),
        auth=Auth(),
        idempotency=off_again.idempotency,
        rate_limits=RateLimits(),
        cache=off,
        versions=off,
        redis=Redis(),
        asking=off_again.asking,
        events=Events(),
        watchdog=off,
        pages=features.pages,
        refusals=features.refusals,
    )
    assert names_of(features.idempotency.interceptors) == ["Idempotency"]
    assert features.asking.lifetimes == ()
    assert (features.routes, len(features.lifetimes)) == ([], 1)


def test_metrics_hear_of_refusals_redis_failures_cache_look_ups_and_the_loop() -> None:
    mcp: MCPServer[Any] = MCPServer("one")
    mcp.add_tool(_nothing, meta={"cache": {"ttl": 60}})
    features = features_of(found=Found({"one": mcp}), metrics="/metrics", redis_url="redis://127.0.0.1:1")
    (counters,) = features.metrics.interceptors
    (cache,) = features.cache.interceptors
    assert features.refusals.listeners == [counters.refused]  # type: ignore[attr-defined]
    assert cache.listeners == [counters.cache_asked]  # type: ignore[attr-defined]
    (opened,) = features.watchdog.lifetimes
    assert opened.__self__.listeners == [counters.loop_lagged]  # type: ignore[attr-defined]
    assert features.redis.client is not None
    assert features.redis.client.listeners == [counters.redis_unanswered]  # type: ignore[attr-defined]


def test_lifetimes_open_the_redis_client_before_the_cache() -> None:
    features = features_of(redis_url="redis://127.0.0.1:1", traces_exporter="console")
    parts = [type(opened.__self__).__name__ for opened in features.lifetimes]  # type: ignore[attr-defined]
    assert parts == ["CallLog", "RedisClient", "RedisWay", "RedisKey", "EventExchange", "Tracing"]


async def _nothing() -> None: ...
