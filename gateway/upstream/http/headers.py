"""The headers of an entry of the file: those in it, and those of the files that it names."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Mapping
from functools import partial

from gateway.upstream.http.credentials.file import WatchedFile, headers_in, token_in
from gateway.upstream.link import LinkFailure

logger = logging.getLogger(__name__)
INTERVAL = 1.0
"""Seconds between two looks at the files."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]*")
_OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "keep-alive"}
    | {"last-event-id", "te", "trailer", "transfer-encoding", "upgrade"}
)


class EntryHeaders:
    """The lines of a request's head that the entry adds. Its files are read again when they have changed.

    `headers_file` has a JSON object of headers, `token_file` a bearer token. With that, or if it `is_authorized`
    otherwise, `Authorization` may come from nowhere else.

    Raises:
        LinkFailure: a header cannot be sent, or a file cannot be read. The reason never has a value.
    """

    def __init__(
        self, headers: Mapping[str, str], headers_file: str = "", token_file: str = "", *, is_authorized: bool = False
    ) -> None:
        reserved = _OURS | {"authorization"} if token_file or is_authorized else _OURS
        self._own = {"user-agent": "multi-mcp", **_checked(headers, "headers", reserved)}
        self._files: list[WatchedFile] = []
        if headers_file:
            self._files.append(WatchedFile("headersFile", headers_file, partial(_checked_headers, reserved)))
        if token_file:
            self._files.append(WatchedFile("tokenFile", token_file, token_in))
        self._looked_at = time.monotonic()
        for file in self._files:
            file.read()
        self._lines = self._joined()

    def lines(self) -> bytes:
        """Returns the lines, each with its line break."""
        if self._files and time.monotonic() - self._looked_at > INTERVAL:
            return self.read_again()
        return self._lines

    def read_again(self) -> bytes:
        """Returns the lines as the files have them now. One that cannot be read changes nothing."""
        self._looked_at = time.monotonic()
        for file in self._files:
            try:
                file.read()
            except LinkFailure as exc:
                logger.warning("the old headers are kept: %s", exc)
        if self._files:
            self._lines = self._joined()
        return self._lines

    def _joined(self) -> bytes:
        found = dict(self._own)
        for file in self._files:
            found.update(file.headers)
        return "".join(f"{name}: {value}\r\n" for name, value in found.items()).encode("latin-1")


def _checked_headers(reserved: Collection[str], content: bytes) -> Mapping[str, str]:
    return _checked(headers_in(content), "headersFile", reserved)


def _checked(headers: Mapping[str, str], field: str, reserved: Collection[str]) -> dict[str, str]:
    """Returns the headers with their names in lower case."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise LinkFailure(f"{field}: {name!r} is no name of a header", was_sent=False)
        if name.lower() in reserved or name.lower().startswith("mcp-"):
            raise LinkFailure(f"{field}: {name} is set by the router itself", was_sent=False)
        if not _VALUE.fullmatch(value):
            raise LinkFailure(f"{field}.{name}: a character that no header may have", was_sent=False)
    return {name.lower(): value.strip() for name, value in headers.items()}
