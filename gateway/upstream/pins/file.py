"""The file of pins: for each server the definitions that were approved, and those that wait for it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import LoadError
from gateway.upstream.pins.definition import Pin

MAX_FILE = 64 * 1024 * 1024
MAX_SERVER = 4 * 1024 * 1024
"""Bytes of the definitions of one server, so that none fills the file for the others."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class PinsOfServer(BaseModel):
    """Pins by the upstream's own names of its tools."""

    model_config = ConfigDict(extra="forbid")

    approved: Mapping[str, Pin]
    pending: Mapping[str, Pin] = Field(default_factory=dict)


class PinFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    servers: dict[str, PinsOfServer] = Field(default_factory=dict)


class Pins:
    """The file as it is now, for all servers of this process: it is read once after each change, and not changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._signature: object = None
        self._found = PinFile()

    def signature(self) -> object:
        """Returns another value after the file has changed; None if there is no file."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    def read(self) -> PinFile:
        """Raises LoadError."""
        with self._lock:
            signature = self.signature()
            if signature is None or signature != self._signature:
                self._found = read(self.path)
                self._signature = signature
            return self._found


def read(path: Path) -> PinFile:
    """Raises LoadError, one line, if the file is missing, not valid, or writable by others than its owner."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(MAX_FILE + 1)
    except OSError as exc:
        raise LoadError(f"{path}: cannot read the pins, {_reason(exc)}") from exc
    if mode & _OTHERS_MAY_WRITE:
        raise LoadError(f"{path}: others than its owner may write the pins (mode {mode:04o}); chmod go-w {path}")
    if len(text) > MAX_FILE:
        raise LoadError(f"{path}: larger than {MAX_FILE} bytes")
    try:
        return PinFile.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise LoadError(f"{path}: not a valid file of pins, {where}: {first['msg']}") from exc


@contextmanager
def editing(path: Path) -> Iterator[PinFile]:
    """Yields the pins, and writes them back unless the body fails. Other processes wait meanwhile.

    Raises:
        LoadError: the file cannot be read or written, or would be too large.
    """
    path = Path(os.path.realpath(path))  # replaces the file that a link points to, not the link
    try:
        folder = os.open(path.parent, os.O_RDONLY)  # the folder is locked, as the file is replaced
    except OSError as exc:
        raise LoadError(f"{path}: cannot write the pins, {_reason(exc)}") from exc
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = read(path) if path.exists() else PinFile()
        yield found
        _write(path, _encoded(path, found))
    except OSError as exc:
        raise LoadError(f"{path}: cannot write the pins, {_reason(exc)}") from exc
    finally:
        os.close(folder)


def _encoded(path: Path, found: PinFile) -> bytes:
    """Raises LoadError for what could not be read again: a server that lists such a tool must not harm the others."""
    try:
        for name, pins in found.servers.items():
            if len(pins.model_dump_json()) > MAX_SERVER:
                raise LoadError(f"{path}: the definitions of server {name!r} are larger than {MAX_SERVER} bytes")
        text = found.model_dump_json(indent=1).encode() + b"\n"
        PinFile.model_validate_json(text)
    except ValueError as exc:
        raise LoadError(f"{path}: a tool has a definition that cannot be stored") from exc
    if len(text) > MAX_FILE:
        raise LoadError(f"{path}: it would be larger than {MAX_FILE} bytes")
    return text


def _write(path: Path, text: bytes) -> None:
    """Replaces the file at once, readable by its owner alone."""
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if path.exists():  # the router must still be able to read what root has approved
                before = path.stat()
                os.fchown(handle, before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:  # also on Ctrl-C: no temporary file may stay behind
        with suppress(OSError):
            Path(name).unlink()
        raise


def _reason(exc: OSError) -> str:
    return (exc.strerror or type(exc).__name__).lower()
