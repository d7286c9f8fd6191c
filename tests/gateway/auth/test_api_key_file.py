"""What a file of keys must be."""

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


def written(path: Path, *keys: Any) -> Path:
    path.write_text(json.dumps({"keys": keys}))
    return path


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    second = KEY | {"id": "89abcdef", "name": "web", "expires": "2027-01-01T00:00:00Z"}
    found = key_file.read(written(tmp_path / "keys.json", KEY, second))
    assert json.loads(found.model_dump_json()) == {"keys": [KEY, second]}
    assert [key.has_expired(1798761600.0) for key in found.keys] == [False, True]


def test_a_time_of_another_zone_is_told_in_utc(tmp_path: Path) -> None:
    found = key_file.read(written(tmp_path / "keys.json", KEY | {"created": "2026-01-01T02:00:00.5+02:00"}))
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
def test_a_key_that_is_not_as_it_must_be_is_named(tmp_path: Path, key: Any) -> None:
    path = written(tmp_path / "keys.json", KEY | {"id": "ffffffff", "name": "first"}, key)
    with pytest.raises(LoadError) as caught:
        key_file.read(path)
    assert str(caught.value).startswith(f"{path}: these are no keys, keys.1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"keys": {}}', '{"keys": [], "more": 1}', "{}", "\xff"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LoadError, match="these are no keys"):
        key_file.read(path)


def test_a_name_and_an_id_are_there_once(tmp_path: Path) -> None:
    for other in (KEY | {"id": "ffffffff"}, KEY | {"name": "other"}):
        with pytest.raises(LoadError, match="is there twice"):
            key_file.read(written(tmp_path / "keys.json", KEY, other))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(LoadError, match=f"^{path}: the keys cannot be read"):
            key_file.read(path)


def test_new_key_has_256_random_bits_and_is_stored_as_a_hash_only() -> None:
    keys = [key_file.new_key("ci", ("math:*",), None) for _ in range(100)]
    assert len({key for _, key in keys}) == len({record.id for record, _ in keys}) == 100
    for record, key in keys:
        assert key.startswith(f"mcp_{record.id}_")
        assert len(key) == len("mcp_01234567_") + 43
        assert key[13:] not in record.model_dump_json()
