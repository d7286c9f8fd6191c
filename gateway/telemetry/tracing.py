"""Spans of OpenTelemetry: one for each call, whatever way it came in. Needs `opentelemetry-sdk` and its exporter.

Of a native call the SDK makes the span (`mcp/server/_otel.py`), and what it cannot know is added here; of any other
call it is made here, by the same conventions. Neither has arguments or results.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from gateway.sdk.internals import span
from gateway.telemetry.record import Record

logger = logging.getLogger(__name__)
FLUSH = 2.0
LONGEST = 1024
_NAME = 128
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_FINE = ("ok", "input-required")


class Tracing:
    """An interceptor. `exporters` are `otlp` (HTTP, protobuf) and `console`; at the end the last spans have `flush`
    seconds to be sent."""

    def __init__(self, exporters: Sequence[str], flush: float = FLUSH) -> None:
        self._exporters = exporters
        self._flush = flush
        self._tracer = trace.get_tracer("multi-mcp", VERSION)
        self._record = Record(_end)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        name, attributes = _name(call), _attributes(call)
        begun = span.get()
        if begun is not None:
            begun.update_name(name)
            begun.set_attributes(attributes)
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
        """A process has one provider, as OpenTelemetry has it: one that is there already is used as it is."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(_provider(self._exporters))
        try:
            yield
        finally:
            await _flush(trace.get_tracer_provider(), self._flush)


def _name(call: ToolCall) -> str:
    """Of what there is: a name that a client made up would be one more for each call."""
    return f"tools/call {call.tool}" if call.plan is not None else "tools/call"


def _attributes(call: ToolCall) -> dict[str, str]:
    return {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.tool if call.plan is not None else _cut(call.tool),
        "multi_mcp.server": call.server,
        "multi_mcp.via": call.via,
        "multi_mcp.request_id": call.request_id,
    }


def _cut(name: str) -> str:
    return name[:_NAME].encode("utf-8", "replace").decode()


def _end(call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
    """Say what came of the call, in the log's words; the SDK says more of its own where there was an error."""
    ending = span.get()
    if ending is None:
        return
    ending.set_attribute("multi_mcp.outcome", outcome)
    if outcome not in _FINE:
        is_tools = result is not None and result.is_error
        ending.set_attribute("error.type", "tool_error" if is_tools else outcome)
        ending.set_status(StatusCode.ERROR, outcome)


def _provider(exporters: Sequence[str]) -> TracerProvider:
    """As the environment has it (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, …). Values
    are cut, since clients choose some of them."""
    resource = Resource.create({"service.version": VERSION})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "multi-mcp"}))
    length = None if "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT" in os.environ else LONGEST
    limits = SpanLimits(max_attribute_length=length)
    # Not at exit: a process that a signal ends has none, and one that has would wait for a receiver that hangs.
    provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    for name in exporters:
        try:
            provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
        except Exception as exc:  # whatever is wrong with the variables: calls are served without it
            logger.warning("no traces by %r: %s", name, exc)
    return provider


def _exporter(name: str) -> SpanExporter:
    made: Mapping[str, Callable[[], SpanExporter]] = {"otlp": _otlp, "console": ConsoleSpanExporter}
    if name not in made:
        raise ValueError(f"OTEL_TRACES_EXPORTER: expected {', '.join(made)} or none")
    return made[name]()


def _otlp() -> SpanExporter:
    """The exporter itself does not look at the protocol, and would send this one to a port for another."""
    for variable in _PROTOCOLS:
        if (protocol := os.environ.get(variable, "")) not in ("", "http/protobuf"):
            raise ValueError(f"{variable}: expected http/protobuf, not {protocol}")
    return OTLPSpanExporter()


async def _flush(provider: trace.TracerProvider, seconds: float) -> None:
    """The exporter may wait for a receiver that does not answer, in its own thread and not for long in ours."""
    if isinstance(provider, TracerProvider):
        with anyio.move_on_after(seconds, shield=True):
            await to_thread.run_sync(provider.force_flush, abandon_on_cancel=True)
