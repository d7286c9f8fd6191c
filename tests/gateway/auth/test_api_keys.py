"""Tests of API keys whose file changes while the router runs."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.auth import api_key_file as key_file
from gateway.auth.api_keys import FILE_CHECK_INTERVAL, Keyring
from gateway.errors import Expired, LoadError, Unauthenticated, Unavailable
from tests.conftest import MakeApp
from tests.keys import add_key


class Running:
    """A keyring with a clock that the test moves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        self.today = 0.0
        self.keyring = Keyring(path, lambda: self.seconds, lambda: self.today)

    def accepts(self, key: str) -> bool:
        try:
            return self.keyring.check(key).name.startswith("key:")
        except Unauthenticated:
            return False

    def pass_a_second(self) -> None:
        self.seconds += FILE_CHECK_INTERVAL

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


def test_key_has_the_name_and_scopes_of_its_record(path: Path) -> None:
    key = add_key(path, "ci", "math:*", "echo:read_*")
    found = Running(path).keyring.check(key)
    assert (found.name, found.scopes, found.until) == ("key:ci", ("math:*", "echo:read_*"), float("inf"))
    assert (found.user.access_token.client_id, found.user.access_token.token) == ("key:ci", "")


def test_only_the_exact_key_is_accepted(path: Path) -> None:
    key, other = add_key(path, "ci", "*:*"), add_key(path, "other", "*:*")
    running = Running(path)
    wrong = [key[:-1], key + "A", key.upper(), f"mcp_{key[4:12]}_{other[13:]}", "mcp_", "mcp_00000000_x", "mcp_\0", "é"]
    assert [running.accepts(one) for one in (key, other, *wrong)] == [True, True, *[False] * len(wrong)]


def test_changed_file_is_reloaded_within_a_second(path: Path) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    version = running.keyring.version()
    new = add_key(path, "new", "*:*")
    assert (running.accepts(key), running.accepts(new)) == (True, False)
    running.pass_a_second()
    assert (running.accepts(key), running.accepts(new)) == (True, True)
    running.remove("ci")
    running.pass_a_second()
    assert (running.accepts(key), running.accepts(new)) == (False, True)
    assert running.keyring.version() != version


def test_file_replaced_by_one_of_the_same_size_and_time_is_reloaded(path: Path) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    before = path.stat()
    running.replace(path.read_text().replace('"ci"', '"cj"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    running.pass_a_second()
    assert running.keyring.check(key).name == "key:cj"


def test_file_changed_in_place_with_its_old_size_and_time_is_reloaded(path: Path) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of the file system has ticks
        path.write_text(path.read_text().replace('"ci"', '"cj"'))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    running.pass_a_second()
    assert running.keyring.check(key).name == "key:cj"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_no_key_is_accepted_while_others_may_write_the_file(
    path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    key = add_key(path, "ci", "*:*")
    running = Running(path)
    path.chmod(mode)
    running.pass_a_second()
    with pytest.raises(Unavailable):
        running.keyring.check(key)
    path.chmod(0o640)
    running.pass_a_second()
    assert running.accepts(key)
    reason = f"others than its owner may write the key file (mode {mode:04o}); chmod go-w {path}"
    assert f"no API key is accepted: MCP_AUTH_KEYS: {path}: {reason}" in caplog.text


def test_unchanged_file_is_not_reloaded(path: Path) -> None:
    add_key(path, "ci", "*:*")
    running = Running(path)
    version = running.keyring.version()
    for _ in range(5):
        running.pass_a_second()
        assert running.keyring.version() == version


def test_expired_key_is_refused_as_expired(path: Path) -> None:
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
def test_no_key_is_accepted_while_the_file_is_broken(
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
        running.pass_a_second()
        for one in (key, "mcp_00000000_x"):
            with pytest.raises(Unavailable):
                running.keyring.check(one)
    assert running.keyring.version() != version
    running.replace(good)
    running.pass_a_second()
    assert running.accepts(key)
    broken, fixed = [record.getMessage() for record in caplog.records]
    assert broken.startswith(f"no API key is accepted: MCP_AUTH_KEYS: {path}: ")
    assert fixed == f"reloaded API keys from {path}: 1 keys"
    assert key not in caplog.text
    assert json.loads(good)["keys"][0]["sha256"] not in caplog.text


def test_router_does_not_start_with_an_unusable_key_file(make_app: MakeApp, path: Path) -> None:
    with pytest.raises(LoadError, match=f"^MCP_AUTH_KEYS: {path}: cannot read the key file, no such file"):
        make_app(auth_keys=str(path))
    path.write_text("{}")
    with pytest.raises(LoadError, match="not a valid key file, keys: Field required"):
        make_app(auth_keys=str(path))
    path.chmod(0o666)
    with pytest.raises(LoadError, match="others than its owner may write the key file"):
        make_app(auth_keys=str(path))
