"""Metrics and traces as settings turn them on, and what is said of settings that cannot be."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from features.telemetry import worker_metrics
from features.turned_on import turned_on
from gateway.errors import LoadError
from gateway.telemetry.refusals import Refusals
from settings.values import Settings
from tests.blocked import made_without
from tests.conftest import MakeApp, server_of

TAKEN = ["/mcp", "/one", "/one/metrics", "/openapi.json", "/docs/metrics", "/.well-known/x", "/ws"]


@pytest.mark.process
def test_without_its_package_traces_are_off_and_calls_are_served() -> None:
    """The variables of OpenTelemetry are often set for many programs at once."""
    ended = made_without("opentelemetry.sdk", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert (ended.returncode, ended.stdout) == (0, "made\n")
    (line,) = ended.stderr.splitlines()
    assert " warning Traces unavailable: gateway.telemetry.tracing needs the package 'opentelemetry.sdk'" in line


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
    features = turned_on(Settings(traces_exporter="zipkin"), Refusals(), [])
    assert len(features.interceptors) == 1
    assert [record.levelno for record in caplog.records if record.levelno > logging.WARNING] == []


@pytest.mark.parametrize("settings", [Settings(workers=4), Settings(metrics="/metrics")])
def test_without_metrics_of_several_workers_no_folder_is_made(
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
