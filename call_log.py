"""The lines of calls, written in batches: formatting by hand and one write for many lines cost a tenth of `logging`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TextIO

from pydantic_core import to_json

from gateway.call import ToolCall, ToolResult
from log import timestamp

_LONGEST = 128
_DELAY = 0.05
_MOST = 1000


class CallLog:
    """A `gateway.record.Write`. Lines reach `stream` within 50 ms, or a thousand at a time, and at `close`."""

    def __init__(
        self, stream: TextIO, form: str, with_arguments: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream
        self._as_json = form == "json"
        self._with_arguments = with_arguments
        self._clock = clock
        self._lines: list[str] = []
        self._known: set[str] = set()
        self._millisecond = 0
        self._formatted = ""

    def __call__(self, call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        tool = call.tool if len(call.tool) <= _LONGEST else call.tool[:_LONGEST]
        if self._as_json or self._with_arguments or call.caller or not self._is_known(tool):
            line = self._structured(call, tool, outcome, seconds, result)
        else:
            line = (
                f"{self._time()} info    call request_id={call.request_id} server={call.server} tool={tool}"
                f" via={call.via} outcome={outcome} ms={seconds * 1000:.3f}\n"
            )
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_DELAY, self.close)
        elif len(self._lines) >= _MOST:
            self.close()

    def _is_known(self, tool: str) -> bool:
        """Whether the name can stand in a line as it is; a few that can are kept."""
        if tool in self._known:
            return True
        plain = _is_plain(tool)
        if plain and len(self._known) < 1000:
            self._known.add(tool)
        return plain

    def close(self) -> None:
        """Write what is there."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()

    def _structured(self, call: ToolCall, tool: str, outcome: str, seconds: float, result: ToolResult | None) -> str:
        fields: dict[str, Any] = {"request_id": call.request_id, "server": call.server, "tool": tool, "via": call.via}
        fields |= {"outcome": outcome, "ms": round(seconds * 1000, 3)}
        if call.caller is not None:
            fields["caller"] = call.caller
        if self._with_arguments:
            fields |= {"arguments": call.arguments, "result": result and (result.native or result.body.decode())}
        if self._as_json:
            return _json({"time": self._time(), "level": "info", "event": "call", **fields}) + "\n"
        pairs = " ".join(f"{key}={_text(value)}" for key, value in fields.items())
        return f"{self._time()} info    call {pairs}\n"

    def _time(self) -> str:
        """Formatted once a millisecond."""
        now = int(self._clock() * 1000)
        if now != self._millisecond:
            self._millisecond = now
            self._formatted = timestamp(now / 1000)
        return self._formatted


def _is_plain(text: str) -> bool:
    return text.isprintable() and text.isascii() and " " not in text and '"' not in text and text != ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) and _is_plain(value) else _json(value)


def _json(value: Any) -> str:
    return to_json(value, fallback=str, inf_nan_mode="null", bytes_mode="base64", ensure_ascii=True).decode()
