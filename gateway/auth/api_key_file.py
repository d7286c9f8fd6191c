"""The file of API keys: for each key its name, scopes and expiry, and a hash instead of the key."""

from __future__ import annotations

import os
import stat
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import LoadError
from gateway.versions.pinned import Pins

PREFIX = "mcp_"
ID_LENGTH = 8
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
EXPECTED_FORMAT = {
    "name": "up to 64 letters, digits and . _ @ -, starting with a letter or digit",
    "scopes": "patterns like math:add_tool, math:* or *:read_*, without blanks",
    "pins": "versions like math:search=2 or math:*=^1.2, without blanks",
}


Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC).replace(microsecond=0))]
Scope = Annotated[str, Field(pattern=r"^[!-~]{1,256}$")]
VersionPin = Annotated[str, Field(pattern=r"^[!-~]{1,256}$"), AfterValidator(lambda pin: Pins([pin]) and pin)]


class Key(BaseModel):
    """A record of the file."""

    # Unknown fields are refused: a misspelt `expires` would mean a key that never expires.
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{8}$")]
    name: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._@-]{0,63}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...]
    created: Time
    expires: Time | None
    pins: tuple[VersionPin, ...] = ()

    def has_expired(self, now: float) -> bool:
        return self.expires is not None and self.expires.timestamp() <= now


class KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[Key]

    def find(self, name_or_id: str) -> Key | None:
        """Prefers a match by name to one by id."""
        by_name = (key for key in self.keys if key.name == name_or_id)
        return next(by_name, None) or next((key for key in self.keys if key.id == name_or_id), None)


def read(path: Path) -> KeyFile:
    """Raises LoadError, one line, if the file is missing, not valid, or writable by others than its owner."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as exc:
        reason = (exc.strerror or type(exc).__name__).lower()
        raise LoadError(f"{path}: cannot read the key file, {reason}") from exc
    if mode & OTHERS_MAY_WRITE:
        # Whoever may write it may already have added a key of their own.
        raise LoadError(f"{path}: others than its owner may write the key file (mode {mode:04o}); chmod go-w {path}")
    try:
        found = KeyFile.model_validate_json(text)
    except ValidationError as exc:
        # Without the input: a broken file may hold secrets.
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise LoadError(f"{path}: not a valid key file, {where}: {first['msg']}") from exc
    for field, values in (("id", [key.id for key in found.keys]), ("name", [key.name for key in found.keys])):
        if duplicates := [value for value, count in Counter(values).items() if count > 1]:
            raise LoadError(f"{path}: duplicate {field} {duplicates[0]!r}")
    return found


def new_key(
    name: str, scopes: tuple[str, ...], expires: datetime | None, pins: tuple[str, ...] = ()
) -> tuple[Key, str]:
    """Returns a new record and the key itself, which is stored nowhere.

    Raises:
        LoadError: the name, a scope or a pin is malformed.
    """
    key_id = token_hex(ID_LENGTH // 2)
    key = f"{PREFIX}{key_id}_{token_urlsafe(32)}"
    digest = sha256(key.encode()).hexdigest()
    try:
        created = datetime.now(UTC)
        record = Key(id=key_id, name=name, sha256=digest, scopes=scopes, created=created, expires=expires, pins=pins)
    except ValidationError as exc:
        field = exc.errors()[0]["loc"][0]
        raise LoadError(f"{field}: expected {EXPECTED_FORMAT[str(field)]}") from exc
    return record, key
