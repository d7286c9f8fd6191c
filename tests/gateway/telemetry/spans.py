"""The spans that an application makes, stored in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from mcp.shared import _otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind


class Spans:
    """Stands for the provider of a process that is traced already."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", self.provider)
        # The SDK's tracer uses the first provider it ever saw, which may be that of another test.
        monkeypatch.setattr(_otel, "_tracer", self.provider.get_tracer("mcp-python-sdk"))

    def served(self, method: str = "tools/call") -> Sequence[ReadableSpan]:
        """Returns the server spans of this method, in the order in which they ended."""
        found = [span for span in self._exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
        return [span for span in found if (span.attributes or {}).get("mcp.method.name") == method]

    def inner(self) -> Sequence[ReadableSpan]:
        """Returns the spans that tools made themselves."""
        return [span for span in self._exporter.get_finished_spans() if span.kind is SpanKind.INTERNAL]
