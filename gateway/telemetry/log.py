"""The log on standard error, as text or JSON: events by `logging`, each with its request id."""

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


def configure(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Take over the root logger, which the SDK and uvicorn log to."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").addFilter(_adds_something)
    logging.getLogger("uvicorn").handlers.clear()  # it has its own where its own command started it
    logging.getLogger("uvicorn").propagate = True
    for noisy in ("mcp", "sse_starlette", "uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING) if level != "debug" else logging.DEBUG)


def take_over() -> None:
    """What Python itself writes to standard error comes into the log too: warnings, and what nobody has caught."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class JSONLines(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `event`, its fields, `logger`, `request_id`,
    `exception`?."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": timestamp(record.created), "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **_fields(record)}
        line |= {"logger": record.name, "request_id": request_id.get()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """`time level event field=… request_id=…`; what others said stays in its line, and a traceback follows it,
    indented."""

    def format(self, record: logging.LogRecord) -> str:
        words = [one_line(record.getMessage()), *(f"{key}={_word(value)}" for key, value in _fields(record).items())]
        event = " ".join(words)
        line = f"{timestamp(record.created)} {record.levelname.lower():<7} {event} request_id={request_id.get()}"
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join([line, *(f"  {one_line(part)}" for part in trace)])


@lru_cache(maxsize=8)
def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, with milliseconds. Calls of one millisecond ask for the same."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]


def is_plain(text: str) -> bool:
    """Whether `text` can stand as the value of a field as it is."""
    return text.isprintable() and text.isascii() and " " not in text and '"' not in text and text != ""


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """What an event says besides: its `extra={"fields": {…}}`, without what is None or empty."""
    return {key: value for key, value in getattr(record, "fields", {}).items() if value not in (None, "")}


def _word(value: Any) -> str:
    text = str(value)
    return text if is_plain(text) else json.dumps(text)


def _uncaught(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(__name__).error("Nobody caught this", exc_info=(kind, exc, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    exc = args.exc_value if args.exc_value is not None else args.exc_type()
    logging.getLogger(__name__).error("Nobody caught this in its thread", exc_info=exc)


def _unraisable(args: Any) -> None:
    message = args.err_msg or "Exception ignored in"
    logging.getLogger(__name__).error("%s: %r", message, args.object, exc_info=args.exc_value)


def _adds_something(record: logging.LogRecord) -> bool:
    """uvicorn repeats what `routes.startup` has said."""
    return not record.getMessage().startswith("Application startup failed")
