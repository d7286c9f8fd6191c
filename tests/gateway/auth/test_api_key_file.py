"""Tests of the key file's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import api_key_file as key_file
from gateway.errors import LoadError

KEY = {
    "id": "0123abcd",
    "name": "ci",
    "sha256": "0" * 64,
    "scopes": ["math:*"],
    "created": "2026-01-01T00:00:00Z",
    "expires": None,
}


def write(path: Path, *keys: Any) -> Path:
    path.write_text(json.dumps({"keys": keys}))
    return path


def test_file_is_read_back_unchanged(tmp_path: Path) -> None:
    second = KEY | {"id": "89abcdef", "name": "web", "expires": "2027-01-01T00:00:00Z"}
    found = key_file.read(write(tmp_path / "keys.json", KEY, second))
    assert json.loads(found.model_dump_json(exclude_defaults=True)) == {"keys": [KEY, second]}
    assert [key.has_expired(1798761600.0) for key in found.keys] == [False, True]


def test_time_of_another_zone_is_written_in_utc(tmp_path: Path) -> None:
    found = key_file.read(write(tmp_path / "keys.json", KEY | {"created": "2026-01-01T02:00:00.5+02:00"}))
    assert json.loads(found.model_dump_json())["keys"][0]["created"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "key",
    [
        {name: value for name, value in KEY.items() if name != "expires"},
        KEY | {"expiers": "2027-01-01T00:00:00Z"},
        KEY | {"expires": "tomorrow"},
        KEY | {"expires": "2027-01-01T00:00:00"},
        KEY | {"id": "0123"},
        KEY | {"id": "0123abc/"},
        KEY | {"id": "0123abcd\n"},
        KEY | {"name": ""},
        KEY | {"name": "a b"},
        KEY | {"name": "ci\n"},
        KEY | {"name": "x" * 65},
        KEY | {"sha256": "0" * 63},
        KEY | {"sha256": "G" * 64},
        KEY | {"scopes": "math:*"},
        KEY | {"scopes": [""]},
        KEY | {"scopes": ["a b"]},
        KEY | {"scopes": [1]},
        "key",
    ],
    ids=str,
)
def test_error_names_the_malformed_key(tmp_path: Path, key: Any) -> None:
    path = write(tmp_path / "keys.json", KEY | {"id": "ffffffff", "name": "first"}, key)
    with pytest.raises(LoadError) as caught:
        key_file.read(path)
    assert str(caught.value).startswith(f"{path}: not a valid key file, keys.1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"keys": {}}', '{"keys": [], "more": 1}', "{}", "\xff"])
def test_file_of_another_format_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LoadError, match="not a valid key file"):
        key_file.read(path)


def test_duplicate_name_and_duplicate_id_are_refused(tmp_path: Path) -> None:
    for other, message in ((KEY | {"id": "ffffffff"}, "duplicate name 'ci'"), (KEY | {"name": "x"}, "duplicate id")):
        with pytest.raises(LoadError, match=message):
            key_file.read(write(tmp_path / "keys.json", KEY, other))


def test_error_names_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(LoadError, match=f"^{path}: cannot read the key file"):
            key_file.read(path)


def test_new_key_has_256_random_bits_and_is_stored_as_a_hash_only() -> None:
    keys = [key_file.new_key("ci", ("math:*",), None) for _ in range(100)]
    assert len({key for _, key in keys}) == len({record.id for record, _ in keys}) == 100
    for record, key in keys:
        assert key.startswith(f"mcp_{record.id}_")
        assert len(key) == len("mcp_01234567_") + 43
        assert key[13:] not in record.model_dump_json()
