"""A receiver of OTLP over HTTP that decodes the spans sent to it, and can be slow or broken."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Received:
    """A span from the wire, with its scope and its resource."""

    span: Span
    scope: str
    resource: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        return _values(self.span.attributes)

    @property
    def is_served(self) -> bool:
        return self.span.kind == Span.SPAN_KIND_SERVER


class Receiver:
    """Listens on a free loopback port. It answers `status`, or nothing if it `hangs`."""

    def __init__(self, status: int = 200, hangs: bool = False) -> None:
        self.status = status
        self.asked = 0
        self.spans: list[Received] = []
        self.may_answer = threading.Event()
        if not hangs:
            self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._receive(self)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def calls(self) -> list[Received]:
        """Returns the server spans of calls."""
        return [one for one in self.spans if one.is_served and one.attributes["mcp.method.name"] == "tools/call"]

    def await_calls(self, count: int) -> list[Received]:
        for _ in range(400):
            if len(self.calls()) >= count:
                break
            time.sleep(0.05)
        return self.calls()

    def await_asked(self) -> None:
        for _ in range(400):
            if self.asked:
                return
            time.sleep(0.05)
        raise AssertionError("nothing was sent")

    def _receive(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        assert (handler.path, handler.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        body = handler.rfile.read(int(handler.headers["content-length"]))
        if handler.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        self.may_answer.wait(60)
        if self.status == 200:
            request = ExportTraceServiceRequest.FromString(body)
            self.spans += [
                Received(span, of_scope.scope.name, _values(of_resource.resource.attributes))
                for of_resource in request.resource_spans
                for of_scope in of_resource.scope_spans
                for span in of_scope.spans
            ]
        handler.send_response(self.status)
        handler.send_header("content-length", "0")
        handler.end_headers()


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
