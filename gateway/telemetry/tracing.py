"""OpenTelemetry spans: one for each call on every transport. Needs `opentelemetry-sdk` and its OTLP exporter.

The SDK makes the span of a native call (`mcp/server/_otel.py`), and this module adds attributes that the SDK does not
know. It makes the span of every other call itself, by the same conventions. No span has arguments or results.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway import VERSION
from gateway.call import CallNext, ToolCall, ToolResult
from gateway.spans import span
from gateway.telemetry.record import Record

logger = logging.getLogger(__name__)
FLUSH_TIMEOUT = 2.0
MAX_ATTRIBUTE_LENGTH = 1024
_MAX_NAME_LENGTH = 128
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SUCCESSES = ("ok", "input-required")


class Tracing:
    """An interceptor. `exporters` are `otlp` (HTTP, protobuf) and `console`. At shutdown the last spans have `flush`
    seconds to be sent."""

    def __init__(self, exporters: Sequence[str], flush: float = FLUSH_TIMEOUT) -> None:
        self._exporters = exporters
        self._flush = flush
        self._tracer = trace.get_tracer("multi-mcp", VERSION)
        self._record = Record(_set_outcome)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        name, attributes = _name(call), _attributes(call)
        current = span.get()
        if current is not None:
            current.update_name(name)
            current.set_attributes(attributes)
            return await self._record(call, call_next)
        with self._tracer.start_as_current_span(
            name, kind=SpanKind.SERVER, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as own:
            token = span.set(own)
            try:
                return await self._record(call, call_next)
            finally:
                span.reset(token)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Sets the provider of the process, unless it has one already, and sends the last spans at shutdown."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(_provider(self._exporters))
        try:
            yield
        finally:
            await _flush(trace.get_tracer_provider(), self._flush)


def _name(call: ToolCall) -> str:
    """Returns a span name with known tools only: names that clients make up would be without bound."""
    return f"tools/call {call.tool}" if call.method == "tools/call" and call.entry is not None else call.method


def _attributes(call: ToolCall) -> dict[str, str]:
    name = call.tool if call.entry is not None else call.tool[:_MAX_NAME_LENGTH].encode("utf-8", "replace").decode()
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name} if call.method == "tools/call" else {}
    if call.entry is not None and call.entry.version:
        tool["multi_mcp.tool.version"] = call.entry.version
    return {
        **tool,
        "mcp.method.name": call.method,
        "multi_mcp.server": call.server,
        "multi_mcp.via": call.via,
        "multi_mcp.request_id": call.request_id,
    }


def _set_outcome(call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
    """Sets the outcome in the words of the log. The SDK adds its own details of an error."""
    current = span.get()
    if current is None:
        return
    current.set_attribute("multi_mcp.outcome", outcome)
    if outcome not in _SUCCESSES:
        is_tool_error = result is not None and result.is_error
        current.set_attribute("error.type", "tool_error" if is_tool_error else outcome)
        current.set_status(StatusCode.ERROR, outcome)


def _provider(exporters: Sequence[str]) -> TracerProvider:
    """Returns a provider that follows the variables of OpenTelemetry (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …).

    Attribute values are cut, because clients choose some of them.
    """
    resource = Resource.create({"service.version": VERSION})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "multi-mcp"}))
    length = None if "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT" in os.environ else MAX_ATTRIBUTE_LENGTH
    limits = SpanLimits(max_attribute_length=length)
    # Not at exit: a process ended by a signal runs no exit handlers, any other would wait for a receiver that hangs.
    provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    for name in exporters:
        try:
            provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
        except Exception as exc:  # a bad variable raises anything, and must not keep calls from being served
            logger.warning("Trace exporter %r unavailable: %s", name, exc)
    return provider


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter()
    if name != "otlp":
        raise ValueError("OTEL_TRACES_EXPORTER: expected otlp, console or none")
    # The exporter ignores these variables, and would send http/protobuf to a gRPC port.
    for variable in _PROTOCOLS:
        if (protocol := os.environ.get(variable, "")) not in ("", "http/protobuf"):
            raise ValueError(f"{variable}: expected http/protobuf, not {protocol}")
    return OTLPSpanExporter()


async def _flush(provider: trace.TracerProvider, seconds: float) -> None:
    """Sends the last spans, in a thread that is abandoned after `seconds`: the receiver may not answer."""
    if isinstance(provider, TracerProvider):
        with anyio.move_on_after(seconds, shield=True):
            await to_thread.run_sync(provider.force_flush, abandon_on_cancel=True)
