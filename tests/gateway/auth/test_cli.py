"""Tests of the command that manages keys, as a process and with a fixed time."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.auth.api_key_file import read
from gateway.auth.api_keys import Keyring
from gateway.auth.cli import main

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COMMAND = [sys.executable, "-m", "gateway.auth"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def run(path: Path, *arguments: str, now: datetime = NOW) -> None:
    main(arguments, {"MCP_AUTH_KEYS": str(path)}, lambda: now)


def create(path: Path, name: str, *more: str) -> None:
    run(path, "create", "--name", name, "--scope", "math:*", *more)


def names(path: Path) -> list[str]:
    return [key.name for key in read(path).keys]


def refusal(path: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        run(path, *arguments)
    printed = capsys.readouterr()
    assert printed.out == ""
    return str(caught.value.code) if caught.value.code != 2 else printed.err


def test_process_creates_lists_and_revokes_keys(path: Path) -> None:
    def command(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return done

    made = command("create", "--name", "ci", "--scope", "math:*", "--scope", "echo:read_*", "--file", str(path))
    key = made.stdout.removesuffix("\n")
    assert Keyring(path).check(key).scopes == ("math:*", "echo:read_*")
    assert "shown only once" in made.stderr
    listed = command("list", "--file", str(path)).stdout
    assert [line.split()[:4] for line in listed.splitlines()] == [
        ["ID", "NAME", "SCOPES", "CREATED"],
        [key[4:12], "ci", "math:*", "echo:read_*"],
    ]
    for secret in (key[13:], read(path).keys[0].sha256):
        assert secret not in listed
    assert command("revoke", "ci", "--file", str(path)).stdout == f"revoked ci ({key[4:12]})\n"
    again = command("revoke", "ci", "--file", str(path), code=1)
    assert (again.stdout, again.stderr) == ("", "gateway.auth: unknown key 'ci'\n")
    assert command(code=2).stdout == ""


@pytest.mark.slow
def test_import_prints_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", "import gateway.auth.cli"], cwd=ROOT, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.slow
def test_concurrent_commands_lose_no_key(path: Path) -> None:
    made = [
        subprocess.Popen(
            [*COMMAND, "create", "--name", f"n{number}", "--scope", "a:b", "--file", str(path)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(6)
    ]
    assert [process.wait(timeout=60) for process in made] == [0] * 6
    assert sorted(names(path)) == [f"n{number}" for number in range(6)]


def test_file_is_private_keeps_its_mode_and_leaves_no_temporary_file(path: Path) -> None:
    old_mask = os.umask(0)
    try:
        create(path, "a")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for before, after in ((0o640, 0o640), (0o644, 0o640), (0o400, 0o600)):
            path.chmod(before)
            create(path, f"n{before}")
            assert stat.S_IMODE(path.stat().st_mode) == after
    finally:
        os.umask(old_mask)
    assert [found.name for found in path.parent.iterdir()] == ["keys.json"]


def test_file_that_others_may_write_is_left_as_it_is(path: Path) -> None:
    create(path, "a")
    before = path.read_bytes()
    path.chmod(0o660)
    for command in (["list"], ["revoke", "a"], ["create", "--name", "b", "--scope", "*:*"]):
        with pytest.raises(SystemExit, match=f"others than its owner may write .*; chmod go-w {path}"):
            main([*command, "--file", str(path)], {})
    assert path.read_bytes() == before


def test_symbolic_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    create(link, "a")
    assert link.is_symlink()
    assert names(path) == names(link) == ["a"]


def test_name_is_unique_and_free_again_after_revocation(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(path, "ci")
    capsys.readouterr()
    message = refusal(path, "create", "--name", "ci", "--scope", "a:b", capsys=capsys)
    assert message == "gateway.auth: key 'ci' exists; revoke it first, or choose another name"
    run(path, "revoke", read(path).keys[0].id)
    create(path, "ci")
    assert names(path) == ["ci"]


@pytest.mark.parametrize(
    ("given", "until"),
    [
        ("30d", "2026-12-22T12:00:00Z"),
        ("2027-01-01", "2027-01-01T00:00:00Z"),
        ("2027-01-01T02:00+02:00", "2027-01-01T00:00:00Z"),
    ],
)
def test_key_expires_at_the_given_time(path: Path, given: str, until: str, capsys: pytest.CaptureFixture[str]) -> None:
    create(path, "ci", "--expires", given)
    assert json.loads(path.read_text())["keys"][0]["expires"] == until
    capsys.readouterr()
    for now, message in ((NOW, until), (datetime(2028, 1, 1, tzinfo=UTC), f"{until} (expired)")):
        run(path, "list", now=now)
        assert capsys.readouterr().out.rstrip().endswith(f"  {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "--name", "a b", "--scope", "a:b"], "name: expected up to 64 letters"),
        (["create", "--name", "x" * 65, "--scope", "a:b"], "name: expected up to 64 letters"),
        (["create", "--name", "ci", "--scope", ""], "scopes: expected patterns"),
        (["create", "--name", "ci", "--scope", "a b"], "scopes: expected patterns"),
        (["create", "--name", "ci", "--scope", "a:b", "--expires", "0d"], "expected days from now"),
        (["create", "--name", "ci", "--scope", "a:b", "--expires", "soon"], "expected days from now"),
        (["create", "--name", "ci", "--scope", "a:b", "--expires", "2026-11-22"], "is in the past"),
        (["create", "--name", "ci"], "the following arguments are required: --scope"),
        (["create", "--scope", "a:b"], "the following arguments are required: --name"),
        (["revoke", "ci"], "cannot read the key file, no such file"),
        (["list"], "cannot read the key file, no such file"),
    ],
)
def test_error_is_one_line_and_creates_no_file(
    path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(path, *arguments, capsys=capsys)
    assert list(path.parent.iterdir()) == []


def test_file_of_another_format_is_not_overwritten(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text('{"other": 1}')
    for arguments in (["create", "--name", "ci", "--scope", "a:b"], ["revoke", "ci"]):
        assert "not a valid key file" in refusal(path, *arguments, capsys=capsys)
    assert path.read_text() == '{"other": 1}'


def test_file_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list"], {})
    assert caught.value.code == 2
    assert "--file" in capsys.readouterr().err


@pytest.mark.slow
def test_key_may_have_pins(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(path, "old")
    assert "pins" not in path.read_text(), "a router that knows no pins reads the file too"
    create(path, "new", "--pin", "math:search=2", "--pin", "*:*=^1.2")
    assert [key.pins for key in read(path).keys] == [(), ("math:search=2", "*:*=^1.2")]
    capsys.readouterr()
    for wrong in ("math:search", "search=2", "math:search=x", "math:search=1 2"):
        arguments = ("create", "--name", "wrong", "--scope", "math:*", "--pin", wrong)
        assert refusal(path, *arguments, capsys=capsys) == (
            "gateway.auth: pins: expected versions like math:search=2 or math:*=^1.2, without blanks"
        )
