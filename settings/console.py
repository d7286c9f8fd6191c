"""The console: calls in real time, in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from settings.reader import flag


@dataclass(frozen=True)
class Console:
    console: bool = flag(
        "MCP_CONSOLE", False, "`1` serves the console at `/console`; without authentication on loopback only"
    )
    console_arguments: bool = flag(
        "MCP_CONSOLE_ARGUMENTS", False, "`1` shows arguments and results in it, cut and masked, to `console:arguments`"
    )
