"""Log, metrics and traces."""

from __future__ import annotations

from dataclasses import dataclass

from settings.network import path
from settings.reader import choice, flag, text, whole


@dataclass(frozen=True)
class Telemetry:
    log_level: str = choice(
        "LOG_LEVEL",
        "info",
        "`debug`, `info`, `warning` or `error`; `info` logs each call, `debug` also the traceback of a failed start",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = choice("LOG_FORMAT", "text", "`text` or `json`, on standard error", choices=("text", "json"))
    log_arguments: bool = flag("LOG_ARGUMENTS", False, "`1` logs the arguments and the result of each call")
    metrics: str = path("MCP_METRICS", "path of the Prometheus metrics, such as `/metrics`; enables them")
    metrics_port: int = whole(
        "MCP_METRICS_PORT", 0, "port for the metrics alone; `0` is the router's own port", at_least=0, at_most=65535
    )
    metrics_open: bool = flag("MCP_METRICS_OPEN", False, "`1` serves the metrics without authentication")
    metrics_folder: str = text(
        "PROMETHEUS_MULTIPROC_DIR", "", "folder in which several workers count; a temporary one if unset"
    )
    otlp_endpoint: str = text("OTEL_EXPORTER_OTLP_ENDPOINT", "", "URL of an OpenTelemetry collector; enables traces")
    otlp_traces_endpoint: str = text(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "the same for traces alone, with the full path; enables traces"
    )
    traces_exporter: str = text(
        "OTEL_TRACES_EXPORTER", "", "`otlp`, `console`, `otlp,console` or `none`; if unset, `otlp` with an endpoint"
    )
    otel_disabled: str = text("OTEL_SDK_DISABLED", "", "`true` disables traces")
