"""Arguments as text to build a cache key from."""

from __future__ import annotations

import json
from typing import Any

# A client's JSON cannot be circular, so that check is off: it takes a tenth of the time.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


def canonical(value: Any) -> bytes | None:
    """Returns `value` as JSON with sorted keys, or None if it cannot be encoded.

    Equal values in any order of keys give equal text; 1, 1.0, true and "1" give different text.
    """
    try:
        # The encoder escapes all but ASCII, so a lone surrogate is no error.
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError):  # no JSON type, an integer of too many digits, nested too deeply
        return None
