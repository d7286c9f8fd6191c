"""The log on standard error, as text or JSON: the records of `logging`, each with its request id."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

from gateway.call import request_id

MAX_TRACE_LINES = 50
"""Lines of one traceback. A recursion without end has thousands; the first and the last ones are kept."""

MAX_TRACE_LINE = 1000
"""Characters. The message of an exception may be as long as the value that it is about."""


def configure(
    level: str, form: str, stream: TextIO | None = None, client_errors: tuple[type[Exception], ...] = ()
) -> None:
    """Sets up the root logger, which the SDK and uvicorn log to. The default stream is the present `sys.stderr`.

    Records about `client_errors`, which a client alone has caused, are logged at level debug only.
    """
    handler = logging.StreamHandler(stream)
    if level != "debug":
        handler.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], client_errors)))
    handler.setFormatter(JSONLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").addFilter(_is_no_repetition)
    logging.getLogger("uvicorn").handlers.clear()  # its own command line installs some
    logging.getLogger("uvicorn").propagate = True
    for noisy in ("mcp", "sse_starlette", "uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING) if level != "debug" else logging.DEBUG)


def log_uncaught() -> None:
    """Logs what Python would write to standard error: warnings and unhandled exceptions."""
    logging.captureWarnings(True)
    sys.excepthook = _log_exception
    threading.excepthook = _log_thread_exception
    sys.unraisablehook = _log_unraisable


class Lines(logging.Formatter):
    """Bounds the tracebacks."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name is logging's
        lines = [line[:MAX_TRACE_LINE] for line in super().formatException(ei).split("\n")]
        if len(lines) > MAX_TRACE_LINES:
            head, tail = MAX_TRACE_LINES // 2, MAX_TRACE_LINES // 2 - 1
            lines[head:-tail] = [f"  … {len(lines) - head - tail} lines are left out …"]
        return "\n".join(lines)


class JSONLines(Lines):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `event`, its fields, `logger`, `request_id`, and
    `exception` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": timestamp(record.created), "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **_fields(record)}
        line |= {"logger": record.name, "request_id": request_id.get()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(Lines):
    """`time level event field=… request_id=…`, followed by an indented traceback.

    Text of clients and tools is escaped, so that none of it can forge a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        words = [one_line(record.getMessage()), *(f"{key}={_word(value)}" for key, value in _fields(record).items())]
        event = " ".join(words)
        line = f"{timestamp(record.created)} {record.levelname.lower():<7} {event} request_id={request_id.get()}"
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join([line, *(f"  {one_line(part)}" for part in trace)])


@lru_cache(maxsize=8)
def timestamp(seconds: float) -> str:
    """Returns RFC 3339 in UTC with milliseconds. Cached, as calls of the same millisecond share it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str) -> str:
    """Returns `text` with line breaks and other unprintable characters escaped."""
    return text if text.isprintable() else json.dumps(text)[1:-1]


def is_plain(text: str) -> bool:
    """Returns True if `text` needs no quotes as the value of a field."""
    return text.isprintable() and text.isascii() and " " not in text and '"' not in text and text != ""


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """Returns the `extra={"fields": {…}}` of a record without empty values."""
    return {key: value for key, value in getattr(record, "fields", {}).items() if value not in (None, "")}


def _word(value: Any) -> str:
    text = str(value)
    return text if is_plain(text) else json.dumps(text)


def _log_exception(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(__name__).error("Unhandled exception", exc_info=(kind, exc, trace))


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    exc = args.exc_value if args.exc_value is not None else args.exc_type()
    logging.getLogger(__name__).error("Unhandled exception in thread", exc_info=exc)


def _log_unraisable(args: Any) -> None:
    message = args.err_msg or "Exception ignored in"
    logging.getLogger(__name__).error("%s: %r", message, args.object, exc_info=args.exc_value)


def _is_no_repetition(record: logging.LogRecord) -> bool:
    """Refuses uvicorn's line about a failed start, which the router has logged already."""
    return not record.getMessage().startswith("Application startup failed")
