"""Files that an entry names for its headers: read again when they change, as mounted secrets do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping

from gateway.upstream.link import LinkFailure

MAX_FILE = 64 * 1024
BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""A token as RFC 6750 has it."""

Parse = Callable[[bytes], Mapping[str, str]]
"""Returns the headers in the content of a file. Raises LinkFailure with a reason that has nothing of it."""


class WatchedFile:
    """`headers` are those that were read last; nothing before the first `read`. `field` names the file in reasons."""

    def __init__(self, field: str, path: str, parse: Parse) -> None:
        self.headers: Mapping[str, str] = {}
        self._field = field
        self._path = path
        self._parse = parse
        self._seen: tuple[int, ...] = ()

    def read(self) -> None:
        """Reads the file if it has changed. Raises LinkFailure; `headers` are as before then."""
        try:
            found = os.stat(self._path)
            seen = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
            if seen == self._seen:
                return
            if found.st_size > MAX_FILE:
                raise LinkFailure(f"{self._field}: larger than {MAX_FILE} bytes", was_sent=False)
            with open(self._path, "rb") as file:
                content = file.read(MAX_FILE + 1)
        except OSError as exc:
            raise LinkFailure(f"{self._field}: {exc.strerror}", was_sent=False) from exc
        self.headers = self._parse(content)
        self._seen = seen


def headers_in(content: bytes) -> Mapping[str, str]:
    """Returns the headers of a JSON object of texts."""
    try:
        document = json.loads(content)
    except ValueError as exc:
        raise LinkFailure("headersFile: not JSON", was_sent=False) from exc
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise LinkFailure("headersFile: expected a JSON object whose values are texts", was_sent=False)
    return document


def token_in(content: bytes) -> Mapping[str, str]:
    """Returns the header with the bearer token that is the whole content."""
    token = content.decode("latin-1").strip()
    if not BEARER.fullmatch(token):
        raise LinkFailure("tokenFile: expected a bearer token and nothing else", was_sent=False)
    return {"authorization": f"Bearer {token}"}
