"""The parent span of a request, for valid and malformed headers. test_tracing tests it on every way in."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanContext, get_current_span, set_span_in_context
from starlette.types import Receive, Scope, Send

from routes.middleware.trace_parent import TraceParent
from tests.routes.raw import HOST, Pairs, ask

pytestmark = pytest.mark.anyio
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


class Seen:
    """An application that records the parent that a span would have."""

    def __init__(self) -> None:
        self.contexts: list[SpanContext] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.contexts.append(get_current_span().get_span_context())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def parents(*headers: Pairs) -> list[str]:
    """Returns the parents of requests in one task, as on a keep-alive connection. Empty if a request has none."""
    seen = Seen()
    for one in headers:
        await ask(TraceParent(seen), "GET", "/", [HOST, *one])
    return [f"{found.trace_id:032x}-{found.span_id:016x}" if found.is_valid else "" for found in seen.contexts]


async def test_parent_is_that_of_the_request_and_not_of_one_before() -> None:
    assert await parents([(b"traceparent", PARENT)], [], [(b"traceparent", PARENT)]) == [
        f"{TRACE}-{SPAN}",
        "",
        f"{TRACE}-{SPAN}",
    ]


@pytest.mark.parametrize(
    "value",
    [b"", b"-", b"nonsense", PARENT + b"-", PARENT.upper(), b"\xff\xfe", b"ff" + PARENT[2:], b"0" * 55, b"x" * 60_000],
)
async def test_malformed_traceparent_is_ignored(value: bytes) -> None:
    (found,) = await parents([(b"traceparent", value)])
    assert found in ("", f"{TRACE}-{SPAN}")


@pytest.mark.parametrize("name", [b"tracestate", b"baggage", b"b3"])
@pytest.mark.parametrize("value", [b"", b"=", b",,,", b"a=b" * 10_000, b"\xff=\xfe", b"k=%00%ff", b"a=1,a=2", b"\x00"])
async def test_other_malformed_trace_header_is_ignored(name: bytes, value: bytes) -> None:
    assert await parents([(b"traceparent", PARENT), (name, value)]) == [f"{TRACE}-{SPAN}"]


async def test_span_of_an_outer_instrumentation_stays_the_parent() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("test").start_span("http")
    token = attach(set_span_in_context(span))
    (found,) = await parents([(b"traceparent", PARENT)])
    detach(token)
    assert found == f"{span.get_span_context().trace_id:032x}-{span.get_span_context().span_id:016x}"


async def test_lifespan_passes_through() -> None:
    async def passed(scope: Any, receive: Any, send: Any) -> None:
        assert scope == {"type": "lifespan"}

    await TraceParent(passed)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
