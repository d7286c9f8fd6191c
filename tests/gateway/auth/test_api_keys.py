"""The keys of a file that changes while the router runs."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.auth import api_key_file as key_file
from gateway.auth.api_keys import LOOK_AGAIN, Keyring
from gateway.errors import Expired, LoadError, Unauthenticated, Unavailable
from tests.conftest import MakeApp
from tests.keys import add_key


class Running:
    """A keyring in a time of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        self.today = 0.0
        self.keyring = Keyring(path, lambda: self.seconds, lambda: self.today)

    def opens(self, key: str) -> bool:
        try:
            return self.keyring.check(key).name.startswith("key:")
        except Unauthenticated:
            return False

    def a_second_later(self) -> None:
        self.seconds += LOOK_AGAIN

    def replace(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)

    def remove(self, name: str) -> None:
        found = key_file.read(self.path)
        found.keys.remove(next(key for key in found.keys if key.name == name))
        self.replace(found.model_dump_json())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_says_whose_it_is_and_what_it_opens(path: Path) -> None:
    key = add_key(path, "ci", "math:*", "echo:read_*")
    found = Running(path).keyring.check(key)
    assert (found.name, found.scopes, found.until) == ("key:ci", ("math:*", "echo:read_*"), float("inf"))
    assert (found.user.access_token.client_id, found.user.access_token.token) == ("key:ci", "")


def test_only_the_whole_key_opens(path: Path) -> None:
    key, other = add_key(path, "ci", "*:*"), add_key(path, "other", "*:*")
    running = Running(path)
    wrong = [key[:-1], key + "A", key.upper(), f"mcp_{key[4:12]}_{other[13:]}", "mcp_", "mcp_00000000_x", "mcp_\0", "é"]
    assert [running.opens(one) for one in (key, other, *wrong)] == [True, True, *[False] * len(wrong)]


def test_a_changed_file_is_noticed_within_a_second(path: Path) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    version = running.keyring.version()
    new = add_key(path, "new", "*:*")
    assert (running.opens(key), running.opens(new)) == (True, False)
    running.a_second_later()
    assert (running.opens(key), running.opens(new)) == (True, True)
    running.remove("ci")
    running.a_second_later()
    assert (running.opens(key), running.opens(new)) == (False, True)
    assert running.keyring.version() != version


def test_a_file_replaced_by_one_of_its_size_and_time_is_noticed(path: Path) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    before = path.stat()
    running.replace(path.read_text().replace('"ci"', '"cj"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    running.a_second_later()
    assert running.keyring.check(key).name == "key:cj"


def test_an_unchanged_file_is_not_read_again(path: Path) -> None:
    add_key(path, "ci", "*:*")
    running = Running(path)
    version = running.keyring.version()
    for _ in range(5):
        running.a_second_later()
        assert running.keyring.version() == version


def test_a_key_ends_with_its_time(path: Path) -> None:
    key = add_key(path, "ci", "*:*", expires=datetime.fromtimestamp(1000, UTC))
    running = Running(path)
    running.today = 999.9
    assert running.keyring.check(key).until == 1000
    running.today = 1000.0
    with pytest.raises(Expired):
        running.keyring.check(key)
    with pytest.raises(Unauthenticated) as caught:
        running.keyring.check(key[:-1] + "!")
    assert not isinstance(caught.value, Expired)


@pytest.mark.parametrize("text", ["", "{", '{"keys": [{"name": "ci"}]}', None])
def test_a_file_that_breaks_opens_nothing_until_it_is_mended(
    path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = add_key(path, "ci", "*:*")
    good = path.read_text()
    running = Running(path)
    version = running.keyring.version()
    if text is None:
        path.unlink()
    else:
        running.replace(text)
    for _ in range(3):
        running.a_second_later()
        for one in (key, "mcp_00000000_x"):
            with pytest.raises(Unavailable):
                running.keyring.check(one)
    assert running.keyring.version() != version
    running.replace(good)
    running.a_second_later()
    assert running.opens(key)
    broken, mended = [record.getMessage() for record in caplog.records]
    assert broken.startswith(f"no API key is accepted: MCP_AUTH_KEYS: {path}: ")
    assert mended == f"the keys of {path} were read again, there are 1"
    assert key not in caplog.text
    assert json.loads(good)["keys"][0]["sha256"] not in caplog.text


def test_a_file_that_cannot_be_used_keeps_the_router_from_starting(make_app: MakeApp, path: Path) -> None:
    with pytest.raises(LoadError, match=f"^MCP_AUTH_KEYS: {path}: the keys cannot be read, no such file"):
        make_app(auth_keys=str(path))
    path.write_text("{}")
    with pytest.raises(LoadError, match="these are no keys, keys: Field required"):
        make_app(auth_keys=str(path))
