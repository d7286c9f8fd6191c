"""The headers of an entry of the file: those in it, and those of the file that it names."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping

from gateway.upstream.link import LinkFailure

logger = logging.getLogger(__name__)
MAX_FILE = 64 * 1024
INTERVAL = 1.0
"""Seconds between two looks at the file."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]*")
_OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "keep-alive"}
    | {"last-event-id", "te", "trailer", "transfer-encoding", "upgrade"}
)


class EntryHeaders:
    """The lines of a request's head that the entry adds. Its file is read again when it has changed.

    Raises:
        LinkFailure: a header cannot be sent, or the file cannot be read. The reason never has a value.
    """

    def __init__(self, headers: Mapping[str, str], path: str = "") -> None:
        self._own = {"user-agent": "multi-mcp", **_checked(headers, "headers")}
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._looked_at = time.monotonic()
        self._lines = _lines(self._own)
        if path:
            self._read()

    def lines(self) -> bytes:
        """Returns the lines, each with its line break."""
        if self._path and time.monotonic() - self._looked_at > INTERVAL:
            return self.read_again()
        return self._lines

    def read_again(self) -> bytes:
        """Returns the lines as the file has them now. One that cannot be read changes nothing."""
        try:
            if self._path:
                self._read()
        except LinkFailure as exc:
            logger.warning("the old headers are kept: %s", exc)
        return self._lines

    def _read(self) -> None:
        self._looked_at = time.monotonic()
        try:
            found = os.stat(self._path)
            seen = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
            if seen == self._seen:
                return
            if found.st_size > MAX_FILE:
                raise LinkFailure(f"headersFile: larger than {MAX_FILE} bytes", was_sent=False)
            with open(self._path, "rb") as file:
                document = json.loads(file.read(MAX_FILE + 1))
        except OSError as exc:
            raise LinkFailure(f"headersFile: {exc.strerror}", was_sent=False) from exc
        except ValueError as exc:
            raise LinkFailure("headersFile: not JSON", was_sent=False) from exc
        if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
            raise LinkFailure("headersFile: expected a JSON object whose values are texts", was_sent=False)
        self._lines = _lines({**self._own, **_checked(document, "headersFile")})
        self._seen = seen


def _checked(headers: Mapping[str, str], field: str) -> dict[str, str]:
    """Returns the headers with their names in lower case."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise LinkFailure(f"{field}: {name!r} is no name of a header", was_sent=False)
        if name.lower() in _OURS or name.lower().startswith("mcp-"):
            raise LinkFailure(f"{field}: {name} is set by the router itself", was_sent=False)
        if not _VALUE.fullmatch(value):
            raise LinkFailure(f"{field}.{name}: a character that no header may have", was_sent=False)
    return {name.lower(): value.strip() for name, value in headers.items()}


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
