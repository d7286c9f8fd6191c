"""Key files as the command makes them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gateway.auth import api_key_file as key_file
from gateway.auth.api_key_file import KeyFile


def add_key(path: Path, name: str, *scopes: str, expires: datetime | None = None) -> str:
    """A further key in the file, which is made where there is none; the key itself."""
    found = key_file.read(path) if path.exists() else KeyFile(keys=[])
    record, key = key_file.new_key(name, scopes, expires)
    found.keys.append(record)
    path.write_text(found.model_dump_json())
    return key


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
