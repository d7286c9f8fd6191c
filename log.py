"""The log: one line for each event on standard error, as text or JSON, each with its request id."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from gateway.call import request_id

calls = logging.getLogger("multi_mcp.calls")


def configure(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Take over the root logger, which the SDK and uvicorn log to."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    calls.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(_adds_something)
    for noisy in ("mcp", "sse_starlette", "uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


def record_call(fields: Mapping[str, Any]) -> None:
    """The line of one call; see `gateway.record`."""
    calls.info("call", extra={"fields": fields})


def _adds_something(record: logging.LogRecord) -> bool:
    """uvicorn repeats what `routes.startup` has said."""
    return not record.getMessage().startswith("Application startup failed")


class JSONLines(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `event`, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        fields = getattr(record, "fields", None) or {"logger": record.name, "request_id": request_id.get()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**line, **fields}, default=_text, ensure_ascii=True)


class TextLines(logging.Formatter):
    """`time level event key=value …`; a line break in what others said stays in its line, but for a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None) or {"request_id": request_id.get()}
        pairs = " ".join(f"{key}={_value(value)}" for key, value in fields.items() if value is not None)
        line = f"{_time(record)} {record.levelname.lower():<7} {_one_line(record.getMessage())} {pairs}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=_text)
    return json.dumps(text) if text == "" or not text.isprintable() or " " in text or '"' in text else text


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]
