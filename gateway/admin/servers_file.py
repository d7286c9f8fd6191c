"""Reads and replaces the file of servers, with its history: one writer at a time, over all processes."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic_core import PydanticSerializationError

from gateway.admin.errors import ReadOnly, invalid
from gateway.admin.history import Change, History, Record, read_history
from gateway.errors import LoadError, Unavailable
from gateway.upstream.config import MAX_FILE
from gateway.upstream.servers_file.document import Entry, ServersDocument
from gateway.upstream.servers_file.replacing import ANYBODY_WRITES, locked, prepared, sweep

logger = logging.getLogger(__name__)
Entries = Mapping[str, Entry | None]
Wanted = Callable[[ServersDocument, History], Entries]
"""Returns the entries that a change sets, by server; None for one that it removes."""

_CANNOT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.ETXTBSY})


class ServersFile:
    """`check` raises LoadError if the file at a path could not be served."""

    def __init__(self, path: Path, check: Callable[[Path], object]) -> None:
        self.path = path
        self.history_path = path.with_name(path.name + ".history")
        self._check = check

    def read(self) -> ServersDocument:
        """Raises Unavailable if the file is not valid at the moment."""
        try:
            return self._decoded(self.path.read_bytes())[0]
        except (LoadError, OSError, ValueError) as exc:
            raise _unreadable(exc) from exc

    def history(self) -> History:
        """Raises Unavailable."""
        try:
            return read_history(self.history_path)
        except LoadError as exc:
            raise _unreadable(exc) from exc

    def change(self, action: str, wanted: Wanted, *, is_rehearsal: bool = False) -> Record | None:
        """Replaces the file, and adds a record. Returns None if nothing differs; a rehearsal writes nothing.

        The record is there first: if the process ends in between, it is of a change that was not made.

        Raises:
            ReadOnly: the file or its folder cannot be written.
            InvalidEntry: the file could not be served then.
            Unavailable: the file, or its history, is not valid at the moment, or the disk is full.
        """
        try:
            with locked(self.path.parent) as folder:
                return self._change(folder, action, wanted, is_rehearsal)
        except PydanticSerializationError as exc:
            raise invalid("", "an entry has a text that cannot be stored") from exc
        except OSError as exc:
            if exc.errno in _CANNOT:
                raise ReadOnly("MCP_SERVERS_FILE, or its folder, cannot be written here.") from exc
            raise _unreadable(exc) from exc

    def _change(self, folder: int, action: str, wanted: Wanted, is_rehearsal: bool) -> Record | None:
        self._refuse_read_only()
        try:
            before, encoding = self._decoded(self.path.read_bytes())
        except (LoadError, ValueError) as exc:
            raise _unreadable(exc) from exc
        history, after, changes = self.history(), before, []
        for server, entry in wanted(before, history).items():
            old = before.entries.get(server)
            if old != entry:
                after = after.with_entry(server, entry)
                copies = [dict(each) if each is not None else None for each in (old, entry)]
                changes.append(Change(server=server, before=copies[0], after=copies[1]))
        if not changes:
            return None
        record = Record.of(history.last + 1, action, changes)
        content = after.text.encode(encoding)
        if len(content) > MAX_FILE:
            raise invalid("", f"the file would be larger than {MAX_FILE} bytes")
        sweep(self.path)
        with prepared(self.path, content, self.path.stat()) as new:
            self._refuse_unservable(new)
            if not is_rehearsal:
                self._replace(folder, new, history, history.with_record(record))
        return record

    def _replace(self, folder: int, new: Path, before: History, after: History) -> None:
        self._write_history(after)
        try:
            new.replace(self.path)
        except OSError:  # a file that is mounted by itself can be written and not replaced
            self._write_history(before)
            raise
        os.fsync(folder)

    def _write_history(self, history: History) -> None:
        with prepared(self.history_path, history.model_dump_json().encode(), None, prefix=self.path.name) as new:
            new.replace(self.history_path)

    def _decoded(self, content: bytes) -> tuple[ServersDocument, str]:
        encoding = json.detect_encoding(content)
        return ServersDocument(self.path, content.decode(encoding)), encoding

    def _refuse_read_only(self) -> None:
        if self.path.is_symlink():
            raise ReadOnly("MCP_SERVERS_FILE is a symbolic link: what it points to is kept elsewhere.")
        for path in (self.path, self.path.parent):
            if not path.stat().st_mode & ANYBODY_WRITES or not os.access(path, os.W_OK):
                raise ReadOnly("MCP_SERVERS_FILE, or its folder, cannot be written here.")

    def _refuse_unservable(self, new: Path) -> None:
        try:
            self._check(new)
        except LoadError as exc:
            raise invalid("", str(exc).replace(str(new), self.path.name)) from exc


def _unreadable(exc: Exception) -> Unavailable:
    reason = exc.strerror if isinstance(exc, OSError) else str(exc) if isinstance(exc, LoadError) else "not JSON"
    logger.error("MCP_SERVERS_FILE cannot be changed now: %s", reason)
    return Unavailable("MCP_SERVERS_FILE or its history cannot be used at the moment; the log has the reason.")
