"""Adds an entry to a file of servers, whose other text stays as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gateway.errors import LoadError
from gateway.upstream.config import MAX_FILE, read_upstreams
from gateway.upstream.servers_file.document import Entry, ServersDocument
from gateway.upstream.servers_file.replacing import ANYBODY_WRITES, locked, prepared, sweep


def add_entry(file: Path, name: str, entry: Entry, *, replaces: bool) -> None:
    """Writes the file anew, with its mode; a file that is not there is made, for its owner alone.

    Raises:
        LoadError: there is an entry of this name and none `replaces` it, or the file is not valid, before or after.
        OSError: the file or its folder cannot be read or written.
    """
    path = file.resolve()  # a symbolic link stays one
    with locked(path.parent) as folder:
        like = path.stat() if path.exists() else None
        if like is not None and not like.st_mode & ANYBODY_WRITES:
            raise LoadError(f"{file}: it is read-only")
        content = _with_entry(file, path.read_bytes() if like is not None else b"", name, entry, replaces)
        sweep(path)
        with prepared(path, content, like) as new:
            _refuse_unservable(file, new)
            new.replace(path)
            os.fsync(folder)


def _with_entry(file: Path, before: bytes, name: str, entry: Entry, replaces: bool) -> bytes:
    if not before.strip():
        return (json.dumps({"mcpServers": {name: entry}}, indent=2) + "\n").encode()
    encoding = json.detect_encoding(before)
    try:
        document: Any = ServersDocument(file, before.decode(encoding))
    except (ValueError, RecursionError) as exc:
        raise LoadError(f"{file}: not JSON") from exc
    if name in document.entries and not replaces:
        raise LoadError(f"{file}: there is a server {name!r} already; --replace replaces it, and --name adds another")
    content: bytes = document.with_entry(name, entry).text.encode(encoding)
    if len(content) > MAX_FILE:
        raise LoadError(f"{file}: it would be larger than {MAX_FILE} bytes")
    return content


def _refuse_unservable(file: Path, new: Path) -> None:
    try:
        read_upstreams(new)
    except LoadError as exc:
        raise LoadError(str(exc).replace(str(new), str(file))) from exc
