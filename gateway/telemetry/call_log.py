"""The lines of calls, written in batches: formatting by hand and one write for many lines cost a tenth of `logging`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TextIO

from pydantic_core import to_json

from gateway.call import ToolCall, ToolResult
from gateway.telemetry.log import is_plain, timestamp

_LONGEST = 128
_DELAY = 0.05
_MOST = 1000
_Entry = tuple[float, str, str, str, str, str | None, str, float, tuple[Any, ToolResult | None] | None]


class CallLog:
    """A `gateway.record.Write`. Lines reach `stream` within 50 ms, or a thousand at a time, and at `close`.

    What is said of a call is kept as it is and formatted with the others: a loop over many costs a fraction of what
    the same code costs once in each call.
    """

    def __init__(
        self, stream: TextIO, form: str, with_arguments: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream
        self._line = self._json_line if form == "json" else self._text_line
        self._with_arguments = with_arguments
        self._clock = clock
        self._entries: list[_Entry] = []
        self._known: set[str] = set()

    def __call__(self, call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        detail = (call.arguments, result) if self._with_arguments else None
        entries = self._entries
        tool = call.tool[:_LONGEST]
        now = round(self._clock(), 3)
        entries.append((now, call.request_id, call.server, tool, call.via, call.caller, outcome, seconds, detail))
        if len(entries) == 1:
            asyncio.get_running_loop().call_later(_DELAY, self.close)
        elif len(entries) >= _MOST:
            self.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Write what is there."""
        entries, self._entries = self._entries, []
        if entries:
            self._stream.write("".join(map(self._line, entries)))
            self._stream.flush()

    def _text_line(self, entry: _Entry) -> str:
        now, request_id, server, tool, via, caller, outcome, seconds, detail = entry
        if detail is None and self._is_known(tool) and (caller is None or self._is_known(caller)):
            who = "" if caller is None else f" caller={caller}"
            return (
                f"{timestamp(now)} info    call request_id={request_id} server={server} tool={tool}"
                f" via={via} outcome={outcome} ms={seconds * 1000:.3f}{who}\n"
            )
        pairs = " ".join(f"{key}={_text(value)}" for key, value in _fields(entry).items())
        return f"{timestamp(now)} info    call {pairs}\n"

    def _json_line(self, entry: _Entry) -> str:
        return _json({"time": timestamp(entry[0]), "level": "info", "event": "call", **_fields(entry)}) + "\n"

    def _is_known(self, name: str) -> bool:
        """Whether the name can stand in a line as it is; a few that can are kept."""
        if name in self._known:
            return True
        plain = is_plain(name)
        if plain and len(self._known) < _MOST:
            self._known.add(name)
        return plain


def _fields(entry: _Entry) -> dict[str, Any]:
    _, request_id, server, tool, via, caller, outcome, seconds, detail = entry
    fields: dict[str, Any] = {"request_id": request_id, "server": server, "tool": tool, "via": via}
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
