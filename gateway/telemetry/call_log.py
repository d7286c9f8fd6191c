"""The log lines of calls, written in batches. Own formatting and one write for many lines cost a tenth of `logging`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TextIO

from pydantic_core import to_json

from gateway.call import ToolCall, ToolResult
from gateway.telemetry.log import is_plain, timestamp

_MAX_NAME_LENGTH = 128
_WRITE_DELAY = 0.05
_MAX_BATCH = 1000
_MAX_CACHED_NAMES = 1000
_Entry = tuple[float, str, str, str, str, str, str | None, str, float, tuple[Any, ToolResult | None] | None]


class CallLog:
    """A `Write` of `gateway.telemetry.record`. Lines reach `stream` within 50 ms, or as soon as there are 1,000."""

    def __init__(
        self,
        stream: TextIO,
        form: str,
        with_arguments: bool = False,
        clock: Callable[[], float] = time.time,
        *,
        with_versions: bool = False,
    ) -> None:
        self._stream = stream
        self._line = self._json_line if form == "json" else self._text_line
        self._with_arguments = with_arguments
        self._with_versions = with_versions
        self._clock = clock
        self._entries: list[_Entry] = []
        self._is_plain = lru_cache(_MAX_CACHED_NAMES)(is_plain)  # the same names come in most calls

    def __call__(self, call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        # Stored unformatted: a loop over many entries costs a fraction of the same code run once in each call.
        detail = (call.arguments, result) if self._with_arguments else None
        entries = self._entries
        tool = call.tool[:_MAX_NAME_LENGTH]
        version = call.entry.version if self._with_versions and call.entry is not None else ""
        now, who = round(self._clock(), 3), call.caller.name
        entries.append((now, call.request_id, call.server, tool, version, call.via, who, outcome, seconds, detail))
        if len(entries) == 1:
            asyncio.get_running_loop().call_later(_WRITE_DELAY, self.flush)
        elif len(entries) >= _MAX_BATCH:
            self.flush()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.flush()

    def flush(self) -> None:
        """Writes the lines that are waiting."""
        entries, self._entries = self._entries, []
        if entries:
            self._stream.write("".join(map(self._line, entries)))
            self._stream.flush()

    def _text_line(self, entry: _Entry) -> str:
        now, request_id, server, tool, version, via, caller, outcome, seconds, detail = entry
        if detail is None and self._is_plain(tool) and (caller is None or self._is_plain(caller)):
            who = "" if caller is None else f" caller={caller}"
            which = "" if not version else f" version={version}"
            return (
                f"{timestamp(now)} info    call request_id={request_id} server={server} tool={tool}{which}"
                f" via={via} outcome={outcome} ms={seconds * 1000:.3f}{who}\n"
            )
        pairs = " ".join(f"{key}={_text(value)}" for key, value in _fields(entry).items())
        return f"{timestamp(now)} info    call {pairs}\n"

    def _json_line(self, entry: _Entry) -> str:
        return _json({"time": timestamp(entry[0]), "level": "info", "event": "call", **_fields(entry)}) + "\n"


def _fields(entry: _Entry) -> dict[str, Any]:
    _, request_id, server, tool, version, via, caller, outcome, seconds, detail = entry
    fields: dict[str, Any] = {"request_id": request_id, "server": server, "tool": tool}
    fields |= {"version": version, "via": via} if version else {"via": via}
    fields |= {"outcome": outcome, "ms": round(seconds * 1000, 3)}
    if caller is not None:
        fields["caller"] = caller
    if detail is not None:
        arguments, result = detail
        fields |= {"arguments": arguments, "result": result and (result.native or result.body.decode())}
    return fields


def _text(value: Any) -> str:
    return value if isinstance(value, str) and is_plain(value) else _json(value)


def _json(value: Any) -> str:
    return to_json(value, fallback=str, inf_nan_mode="null", bytes_mode="base64", ensure_ascii=True).decode()
