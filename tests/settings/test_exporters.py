"""Exporters of traces, as the variables of OpenTelemetry name them."""

from __future__ import annotations

import pytest

from settings.exporters import span_exporters
from settings.values import Settings
from tests.settings.test_values import NAMES


@pytest.mark.parametrize(
    ("environ", "exporters"),
    [
        ({}, ()),
        ({"otlp_endpoint": "http://127.0.0.1:4318"}, ("otlp",)),
        ({"otlp_traces_endpoint": "http://127.0.0.1:4318/v1/traces"}, ("otlp",)),
        ({"traces_exporter": "otlp, console"}, ("otlp", "console")),
        ({"traces_exporter": "none", "otlp_endpoint": "http://127.0.0.1:4318"}, ()),
        ({"traces_exporter": "otlp", "otel_disabled": "TRUE"}, ()),
        ({"traces_exporter": "otlp", "otel_disabled": "no"}, ("otlp",)),
    ],
)
def test_traces_follow_the_variables_of_opentelemetry(environ: dict[str, str], exporters: tuple[str, ...]) -> None:
    settings = Settings.from_env({NAMES[name]: value for name, value in environ.items()})
    assert span_exporters(settings) == exporters
