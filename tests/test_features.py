"""What is off is not imported; what is on and cannot be had is said in one plain line."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from features import Features, part, turned_on
from gateway.errors import LoadError
from gateway.refusals import Refusals
from settings import Settings
from tests.conftest import MakeApp, server_of

ROOT = Path(__file__).parents[1]
OPTIONAL = ("limits", "redis", "prometheus_client", "jwt", "opentelemetry.sdk", "opentelemetry.exporter")
"""Packages that a feature alone needs."""

TAKEN = ["/mcp", "/one", "/one/metrics", "/openapi.json", "/docs/metrics", "/.well-known/x", "/ws"]

LOADED = """
import sys
from app import create_app
from settings import Settings
create_app(Settings(**{settings}))
print(*sorted(sys.modules))
"""

BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import serve
from app import create_app
serve.make(create_app)
print("made")
"""


def loaded(**settings: object) -> set[str]:
    """The modules of a process that has made an application with these settings."""
    script = LOADED.format(settings=settings)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def made_without(missing: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A process that makes an application where a package is not installed."""
    command = [sys.executable, "-c", BLOCKED.format(missing=missing)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def parts_of(modules: set[str]) -> set[str]:
    """Ours among them."""
    return {name for name in modules if name.partition(".")[0] in ("gateway", "routes")}


def test_what_is_off_is_not_imported() -> None:
    off = loaded()
    assert [name for name in OPTIONAL if name in off] == []
    on = loaded(metrics="/metrics", traces_exporter="otlp", redis_url="redis://127.0.0.1:1", rate_limit="1/minute")
    optional = parts_of(on) - parts_of(off)
    assert {"gateway.shared", "routes.address", "gateway.metrics", "routes.metrics", "gateway.tracing"} <= optional
    assert {"prometheus_client", "redis", "opentelemetry.sdk"} <= on


def test_one_feature_imports_what_it_needs_and_no_more() -> None:
    metrics = loaded(metrics="/metrics")
    assert [name for name in OPTIONAL if name in metrics] == ["prometheus_client"]


def test_with_default_settings_nothing_takes_part_in_a_call() -> None:
    assert turned_on(Settings(websocket=False), Refusals()) == Features()


@pytest.mark.parametrize(
    ("missing", "environ"),
    [
        ("prometheus_client", {"MCP_METRICS": "/metrics"}),
        ("redis", {"REDIS_URL": "redis://127.0.0.1"}),
    ],
)
def test_a_package_that_is_missing_is_one_plain_line(missing: str, environ: dict[str, str]) -> None:
    ended = made_without(missing, **environ)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("multi-mcp: ")
    assert f"needs the package {missing!r}" in line
    assert "pip install -r requirements-optional.txt" in line


def test_without_its_package_traces_are_off_and_calls_are_served() -> None:
    """The variables of OpenTelemetry are often set for many programs at once."""
    ended = made_without("opentelemetry.sdk", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert (ended.returncode, ended.stdout) == (0, "made\n")
    (line,) = ended.stderr.splitlines()
    assert " warning no traces: gateway.tracing needs the package 'opentelemetry.sdk'" in line


def test_a_part_that_is_not_there_is_an_error_with_its_name() -> None:
    with pytest.raises(LoadError, match=r"no\.such\.module needs the package 'no', which is not there"):
        part("no.such.module", "Name")


def test_metrics_and_traces_stand_around_all_that_may_refuse_a_call() -> None:
    features = turned_on(Settings(metrics="/metrics", traces_exporter="otlp"), Refusals())
    assert [type(item).__name__ for item in features.interceptors] == ["Tracing", "Metrics"]
    assert features.inner == []
    (route,) = features.routes
    assert isinstance(route, Route)
    assert route.path == "/metrics"


def test_those_who_watch_are_told_what_is_served(make_app: MakeApp) -> None:
    seen: list[object] = []
    features = Features(watchers=[lambda registry, aggregate: seen.append(registry)])
    registry = make_app(server_of()).state.registry
    features.watch(registry, None)  # type: ignore[arg-type]
    assert seen == [registry]


@pytest.mark.parametrize("path", TAKEN)
def test_a_path_for_the_metrics_that_is_taken_is_refused(make_app: MakeApp, path: str) -> None:
    with pytest.raises(LoadError, match=r"MCP_METRICS='.*': /[a-z.-]+ is taken; use /metrics, or a port of its own"):
        make_app(server_of(), metrics=path)
    make_app(server_of(), metrics=path, metrics_port=9100)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/router", "/ones", "/internal/metrics"])
def test_any_other_path_will_do(make_app: MakeApp, path: str) -> None:
    make_app(server_of(), metrics=path)


def test_a_port_for_metrics_that_are_off_is_refused(make_app: MakeApp) -> None:
    with pytest.raises(LoadError, match="MCP_METRICS_PORT: set MCP_METRICS=/metrics too"):
        make_app(server_of(), metrics_port=9100)


def test_an_exporter_of_another_name_is_said_and_calls_are_served(caplog: pytest.LogCaptureFixture) -> None:
    features = turned_on(Settings(traces_exporter="zipkin"), Refusals())
    assert len(features.interceptors) == 1
    assert [record.levelno for record in caplog.records if record.levelno > logging.WARNING] == []
