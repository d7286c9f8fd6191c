"""What is off is not imported, and takes no part."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from features.feature import Features
from features.turned_on import turned_on
from gateway.telemetry.refusals import Refusals
from settings.values import Settings
from tests.shipped import shipped

ROOT = Path(__file__).parents[2]
OPTIONAL = ("redis", "prometheus_client", "jwt", "opentelemetry.sdk", "opentelemetry.exporter")
"""Packages that a feature alone needs."""

LOADED = """
import sys
from app import create_app
from settings.values import Settings
create_app(Settings(**{settings}))
print(*sorted(sys.modules))
"""


def loaded(**settings: object) -> set[str]:
    """The modules of a process that has made an application with these settings."""
    script = LOADED.format(settings={"servers_dir": (shipped(),), **settings})
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def parts_of(modules: set[str]) -> set[str]:
    """Ours among them."""
    return {name for name in modules if name.partition(".")[0] in ("gateway", "routes")}


@pytest.mark.process
def test_what_is_off_is_not_imported() -> None:
    off = loaded()
    assert [name for name in OPTIONAL if name in off] == []
    on = loaded(metrics="/metrics", traces_exporter="otlp", redis_url="redis://127.0.0.1:1", rate_limit="1/minute")
    optional = parts_of(on) - parts_of(off)
    assert {
        "gateway.redis",
        "routes.middleware.address",
        "gateway.telemetry.metrics",
        "routes.metrics",
        "gateway.telemetry.tracing",
    } <= optional
    assert {"prometheus_client", "redis", "opentelemetry.sdk"} <= on


@pytest.mark.process
def test_one_feature_imports_what_it_needs_and_no_more() -> None:
    metrics = loaded(metrics="/metrics")
    assert [name for name in OPTIONAL if name in metrics] == ["prometheus_client"]


@pytest.mark.process
def test_rate_limits_in_memory_need_no_optional_package() -> None:
    limited = loaded(rate_limit="1/minute")
    assert "gateway.limits.rate_memory" in limited
    assert [name for name in OPTIONAL if name in limited] == []


def test_with_default_settings_nothing_takes_part_in_a_call() -> None:
    assert turned_on(Settings(websocket=False), Refusals(), ()) == Features()


def test_metrics_and_traces_stand_around_all_that_may_refuse_a_call() -> None:
    features = turned_on(Settings(metrics="/metrics", traces_exporter="otlp"), Refusals(), [])
    assert [type(item).__name__ for item in features.interceptors] == ["Tracing", "Metrics"]
    assert features.inner == []
    (route,) = features.routes
    assert isinstance(route, Route)
    assert route.path == "/metrics"
