"""The log on standard error, as text or JSON: events by `logging`, each with its request id."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
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


class JSONLines(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `event`, `logger`, `request_id`, `exception`?."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": timestamp(record.created), "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), "logger": record.name, "request_id": request_id.get()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextLines(logging.Formatter):
    """`time level event request_id=…`; what others said stays in its line, and a traceback follows it, indented."""

    def format(self, record: logging.LogRecord) -> str:
        event = one_line(record.getMessage())
        line = f"{timestamp(record.created)} {record.levelname.lower():<7} {event} request_id={request_id.get()}"
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join([line, *(f"  {one_line(part)}" for part in trace)])


@lru_cache(maxsize=8)
def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, with milliseconds. Calls of one millisecond ask for the same."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _adds_something(record: logging.LogRecord) -> bool:
    """uvicorn repeats what `routes.startup` has said."""
    return not record.getMessage().startswith("Application startup failed")
