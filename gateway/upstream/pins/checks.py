"""Compares the tools that a server lists with those that were approved."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.errors import LoadError
from gateway.naming import cut
from gateway.upstream.pins.definition import Pin
from gateway.upstream.pins.file import Pins, PinsOfServer, editing

logger = logging.getLogger(__name__)
FILE_CHECK_INTERVAL = 1.0
"""Seconds between two looks at the file."""

_UNKNOWN = "unknown"
"""The signature of a file that is compared once more: it was written here, and may be another one already."""

MAX_NAMED = 20
"""Changed tools that are named in a log line and in the health of the server."""


class Checks:
    """The pins of one server in a file. The first list is trusted, and stored.

    `fault` is the reason why the tools cannot be checked, and `changed` names those that are not approved, after the
    last `unapproved`. With `blocks` they are not served.
    """

    def __init__(self, server: str, file: Pins, *, blocks: bool) -> None:
        self.blocks = blocks
        self.fault = ""
        self.changed: list[str] = []
        self._server = server
        self._file = file
        self._extra = {"fields": {"server": server}}
        self._signature: object = _UNKNOWN
        self._was_read = False
        self._logged: Mapping[str, str] = {}
        self._noted: Mapping[str, str] | None = None
        self._cannot_note = ""

    async def unapproved(self, tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
        """Returns the server's own names of the tools that must not be served: all, if they cannot be checked."""
        pins: dict[str, Pin] = {}
        repeated: set[str] = set()
        for tool in tools:
            if isinstance(name := tool.get("name"), str):
                repeated |= {name} & pins.keys()  # which of the two is called is for the server to say
                pins[name] = Pin.of(tool)
        try:
            changed = await asyncio.to_thread(self._compare, pins)
        except LoadError as exc:
            if self.fault != str(exc):
                logger.error("its tools cannot be checked: %s", exc, extra=self._extra)
            self.fault, self.changed = str(exc), []
            return frozenset(pins) if self.blocks else frozenset()
        self.fault = ""
        self._log({name: pin.sha256 for name, pin in changed.items()} | dict.fromkeys(repeated, "listed twice"))
        self.changed = sorted(changed.keys() | repeated)
        return frozenset(self.changed) if self.blocks else frozenset()

    async def news(self) -> None:
        """Waits until the file is another one than at the last comparison."""
        await asyncio.sleep(FILE_CHECK_INTERVAL)
        while self._signature == self._file.signature():
            await asyncio.sleep(FILE_CHECK_INTERVAL)

    def _compare(self, pins: Mapping[str, Pin]) -> Mapping[str, Pin]:
        """Returns the tools that are new or changed, which the file has then for the one who approves them."""
        self._signature = self._file.signature()
        record = self._record(pins)
        self._was_read = True
        approved = {name: pin.sha256 for name, pin in record.approved.items()}
        changed = {name: pin for name, pin in pins.items() if approved.get(name) != pin.sha256}
        self._note(record, changed)
        return changed

    def _note(self, record: PinsOfServer, changed: Mapping[str, Pin]) -> None:
        """Notes each change once, and takes its own notes back: the lists of other workers may be others."""
        pending = {name: pin.sha256 for name, pin in record.pending.items()}
        noted = pending if self._noted is None else self._noted
        now = self._noted = {name: pin.sha256 for name, pin in changed.items()}
        stale = {name for name, pin in noted.items() if pending.get(name) == pin != now.get(name)}
        fresh = {name for name, pin in now.items() if pin not in (pending.get(name), noted.get(name))}
        if not stale and not fresh:
            return
        try:
            with editing(self._file.path) as found:
                server = found.servers[self._server]
                kept = {name: pin for name, pin in server.pending.items() if name not in stale}
                server.pending = kept | {name: changed[name] for name in fresh}
        except (LoadError, KeyError) as exc:  # they are refused all the same
            if self._cannot_note != str(exc):
                self._cannot_note = str(exc)
                logger.warning("changed tools cannot be noted: %s", exc, extra=self._extra)

    def _record(self, pins: Mapping[str, Pin]) -> PinsOfServer:
        """Returns the server's part of the file. Raises LoadError."""
        if self._file.signature() is not None:
            if (record := self._file.read().servers.get(self._server)) is not None:
                return record
        elif self._was_read:  # whoever can remove it must not be able to approve everything with that
            raise LoadError(f"{self._file.path}: the pins are gone; restore them, or restart to trust all tools anew")
        self._signature = _UNKNOWN
        with editing(self._file.path) as found:
            return found.servers.setdefault(self._server, PinsOfServer(approved=pins))

    def _log(self, changed: Mapping[str, str]) -> None:
        """Logs each change once."""
        fresh = [name for name, pin in changed.items() if self._logged.get(name) != pin]
        self._logged = changed
        if fresh:
            names = ", ".join(repr(cut(name)) for name in fresh[:MAX_NAMED])
            what = "are not served" if self.blocks else "are served"
            logger.warning(
                "tools that are new or changed since they were approved %s: %s", what, names, extra=self._extra
            )
