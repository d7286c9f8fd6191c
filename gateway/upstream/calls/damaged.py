"""Messages of servers whose texts are not what JSON may have."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def mended(data: bytes) -> Any:
    """Returns the JSON object of a message that is not strictly JSON; None if it is none at all.

    A byte order mark is left out. Bytes that are no UTF-8, and halves of pairs of UTF-16, as of an emoji that was cut,
    are replaced: else the request would have no answer.
    """
    if not data[:9].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return None
    try:
        message = json.loads(data.decode("utf-8-sig", "replace"))
        return from_json(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
