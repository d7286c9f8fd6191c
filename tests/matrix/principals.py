"""Two principals: `GREEDY` takes all it can, `MODEST` must get its service all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.matrix.credentials import record, write_keys

GREEDY_KEY = f"mcp_{1:08}_{'greedy':->43}"
MODEST_KEY = f"mcp_{2:08}_{'modest':->43}"
GREEDY = {"authorization": f"Bearer {GREEDY_KEY}"}
MODEST = {"authorization": f"Bearer {MODEST_KEY}"}


def principals(folder: Path, *scopes: str) -> dict[str, Any]:
    """Writes keys for both, with these scopes or `admin`, and returns the setting that names the file."""
    granted = scopes or ("admin",)
    return write_keys(folder, record(GREEDY_KEY, "greedy", granted), record(MODEST_KEY, "modest", granted))
