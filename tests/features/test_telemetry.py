"""Settings that turn the call log, metrics and traces on, and the errors of wrong settings."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from starlette.routing import Route

from features.feature import Feature
from features.telemetry import CallLogged, Metrics, call_log, metrics, tracing, worker_metrics
from gateway.errors import LoadError
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refusals
from settings.values import Settings
from tests.blocked import made_without
from tests.conftest import MakeApp, server_of
from tests.features.made import names_of

TAKEN = ["/mcp", "/one", "/one/metrics", "/openapi.json", "/docs/metrics", "/.well-known/x", "/ws"]


def metrics_of(settings: Settings) -> Metrics:
    return metrics(settings, [], Registry(), int, Refusals())


@pytest.mark.slow
def test_missing_package_turns_traces_off_and_calls_are_served() -> None:
    """The variables of OpenTelemetry are often set for many programs at once."""
    ended = made_without("opentelemetry.sdk", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert (ended.returncode, ended.stdout) == (0, "made\n")
    (line,) = ended.stderr.splitlines()
    assert " warning Traces unavailable: OTEL_EXPORTER_OTLP_ENDPOINT needs the package 'opentelemetry.sdk'" in line


def test_disabled_telemetry_is_empty() -> None:
    assert call_log(Settings(log_level="warning")) == CallLogged()
    assert metrics_of(Settings()) == Metrics()
    for settings in (
        Settings(),
        Settings(traces_exporter="none"),
        Settings(traces_exporter="otlp", otel_disabled="true"),
    ):
        assert tracing(settings) == Feature()


@pytest.mark.parametrize("level", ["debug", "info"])
def test_call_log_is_on_at_info_and_below(level: str) -> None:
    on = call_log(Settings(log_level=level))
    assert (names_of(on.interceptors), len(on.lifetimes)) == (["Record"], 1)


def test_traces_act_around_calls_and_requests() -> None:
    on = tracing(Settings(traces_exporter="otlp"))
    assert (names_of(on.interceptors), names_of(on.middleware), len(on.lifetimes)) == (["Tracing"], ["TraceParent"], 1)


def test_metrics_have_a_route_and_report_to_every_listener() -> None:
    on = metrics_of(Settings(metrics="/metrics"))
    assert (names_of(on.interceptors), on.middleware) == (["Metrics"], [])
    (route,) = on.routes
    assert isinstance(route, Route)
    assert route.path == "/metrics"
    assert [len(on.refusal_listeners), len(on.redis_listeners), len(on.cache_listeners), len(on.socket_listeners)] == [
        *[1] * 4
    ]


def test_metrics_on_a_separate_port_are_hidden_from_the_main_port() -> None:
    (own_port,) = metrics_of(Settings(metrics="/metrics", metrics_port=9100)).middleware
    assert (own_port.kwargs, names_of([own_port])) == ({"port": 9100, "path": "/metrics"}, ["OwnPort"])


@pytest.mark.parametrize("path", TAKEN)
def test_taken_path_for_the_metrics_is_refused(make_app: MakeApp, path: str) -> None:
    with pytest.raises(LoadError, match=r"MCP_METRICS='.*': /[a-z.-]+ is taken; use /metrics, or a port of its own"):
        make_app(server_of(), metrics=path)
    make_app(server_of(), metrics=path, metrics_port=9100)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/router", "/ones", "/internal/metrics"])
def test_any_other_path_is_accepted(make_app: MakeApp, path: str) -> None:
    make_app(server_of(), metrics=path)


def test_port_without_a_path_for_the_metrics_is_refused(make_app: MakeApp) -> None:
    with pytest.raises(LoadError, match="MCP_METRICS_PORT: set MCP_METRICS=/metrics too"):
        make_app(server_of(), metrics_port=9100)


def test_unknown_exporter_does_not_prevent_the_start(caplog: pytest.LogCaptureFixture) -> None:
    assert len(tracing(Settings(traces_exporter="zipkin")).interceptors) == 1
    assert [record.levelno for record in caplog.records if record.levelno > logging.WARNING] == []


@pytest.mark.parametrize("settings", [Settings(workers=4), Settings(metrics="/metrics")])
def test_folder_for_metrics_is_made_only_for_several_workers(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    with worker_metrics(settings) as forget:
        assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
        forget(1)


def test_workers_count_in_a_folder_and_gauges_of_a_dead_one_are_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    with worker_metrics(Settings(workers=2, metrics="/metrics", metrics_folder=str(tmp_path))) as forget:
        assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)
        for name in ("counter_1.db", "gauge_livesum_1.db", "gauge_livesum_2.db"):
            (tmp_path / name).touch()
        forget(1)
    assert {file.name for file in tmp_path.iterdir()} == {"counter_1.db", "gauge_livesum_2.db"}
