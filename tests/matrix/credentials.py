"""Rules of credentials."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.auth.api_key_file import Key, KeyFile
from tests.keys import bearer
from tests.matrix.rules import Call, Rule

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
KEY = f"mcp_{1:08}_{'':-<43}"


def write_keys(folder: Path, *records: Key) -> dict[str, Any]:
    """Writes a key file and returns the setting that names it."""
    path = folder / "keys.json"
    path.write_text(KeyFile(keys=[*records]).model_dump_json())
    return {"auth_keys": str(path)}


def record(key: str, name: str, scopes: tuple[str, ...], expires: datetime | None = None) -> Key:
    """Returns the record of a key with a fixed value, `mcp_{id}_{secret}`."""
    digest = sha256(key.encode()).hexdigest()
    return Key(id=key[4:12], name=name, sha256=digest, scopes=scopes, created=CREATED, expires=expires)


def keys(folder: Path) -> dict[str, Any]:
    return write_keys(folder, record(KEY, "ci", ("admin",)))


async def either_header_is_accepted(call: Call) -> None:
    for headers in (bearer(KEY), {"x-api-key": KEY}, {"x-api-key": KEY, "authorization": "Basic YTpi"}):
        assert (await call("add", headers, a=1, b=2)).value == 3


async def two_credentials_are_refused(call: Call) -> None:
    outcome = await call("add", {**bearer(KEY), "x-api-key": KEY}, a=1, b=2)
    assert (outcome.slug, outcome.status) == ("invalid-request", 400)


async def wrong_credential_gets_401(call: Call) -> None:
    outcome = await call("add", {"x-api-key": KEY + "x"}, a=1, b=2)
    assert (outcome.slug, outcome.status) == ("unauthenticated", 401)
    assert 'Bearer error="invalid_token"' in outcome.headers["www-authenticate"]


RULES = [
    Rule("a key is accepted in either header", either_header_is_accepted, keys),
    Rule("two credentials are refused", two_credentials_are_refused, keys),
    Rule("a wrong credential gets 401", wrong_credential_gets_401, keys),
]
