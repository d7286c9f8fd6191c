"""The exporters of spans that several settings of OpenTelemetry together say."""

from __future__ import annotations

from settings.values import Settings


def span_exporters(settings: Settings) -> tuple[str, ...]:
    """Returns their names, by OpenTelemetry's own rules. Empty if traces are off."""
    if settings.otel_disabled.lower() == "true":
        return ()
    has_endpoint = settings.otlp_endpoint or settings.otlp_traces_endpoint
    wanted = settings.traces_exporter or ("otlp" if has_endpoint else "none")
    exporters = tuple(name.strip() for name in wanted.split(","))
    return () if "none" in exporters else exporters
