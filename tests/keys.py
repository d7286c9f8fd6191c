"""Key files in the format of `python -m gateway.auth`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gateway.auth import api_key_file as key_file
from gateway.auth.api_key_file import KeyFile


def add_key(path: Path, name: str, *scopes: str, expires: datetime | None = None, pins: Sequence[str] = ()) -> str:
    """Adds a key to the file, which is created if it is missing, and returns the key."""
    found = key_file.read(path) if path.exists() else KeyFile(keys=[])
    record, key = key_file.new_key(name, scopes, expires, tuple(pins))
    found.keys.append(record)
    path.write_text(found.model_dump_json())
    path.chmod(0o600)
    return key


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
