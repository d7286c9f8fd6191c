"""A file with one API key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keys import add_key


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Returns the path of the key file. It is empty without the fixture `key`."""
    return tmp_path / "keys.json"


@pytest.fixture
def key(keys: Path) -> str:
    """Returns a key for the server `one`, which the file contains."""
    return add_key(keys, "ci", "one:*")
