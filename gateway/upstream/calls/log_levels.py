"""The levels of log messages that the sessions of clients want of one upstream."""

from __future__ import annotations

from typing import Any, get_args

from mcp.server.connection import Connection
from mcp_types import LoggingLevel

LEVELS: tuple[str, ...] = get_args(LoggingLevel)
"""From `debug` on, each worse than the one before."""

_KEY = "upstream log level"


class LogLevels:
    """Levels by session, until it ends, with the places of their links.

    A session that has set none gets every message that the server sends.
    """

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[str, str]] = {}

    def set(self, connection: Connection, place: str, level: str) -> None:
        """Notes the level that a session wants."""
        if connection.session_id is None:
            return
        number = id(connection.state)  # of the session, also if this request has a copy of its connection
        if number not in self._wanted:
            connection.exit_stack.callback(self._wanted.pop, number, None)
        connection.state[_KEY] = level
        self._wanted[number] = place, level

    def lowest(self, place: str) -> str | None:
        """Returns the level that has everything which somebody at a place wants; None if nobody has set one there."""
        return min((level for there, level in self._wanted.values() if there == place), key=LEVELS.index, default=None)


def level_of(connection: Connection) -> str:
    """Returns the level that a session has set, or else the one that has everything."""
    level: str = connection.state.get(_KEY, LEVELS[0])
    return level


def is_wanted(level: Any, wanted: str) -> bool:
    """Returns True if a client that wants messages from `wanted` on wants one of `level`."""
    return level in LEVELS and wanted in LEVELS and LEVELS.index(level) >= LEVELS.index(wanted)
