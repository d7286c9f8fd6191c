"""`python -m gateway.upstream import --write FILE`: an entry is added to a file of servers."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.upstream.cli import main
from gateway.upstream.config import read_upstreams
from tests.gateway.upstream.published.conftest import server

REMOTE = {"type": "streamable-http", "url": "https://weather.example.com/mcp"}
ENTRY = {"type": "http", "url": "https://weather.example.com/mcp"}
TEXT = """{
    "note":   "kept as it is",
    "mcpServers": {
        "far":  {"url":   "http://127.0.0.1:1/mcp", "headers": {"Authorization": "Bearer ${KEY}"}}
    }
}
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    file = tmp_path / "server.json"
    file.write_text(json.dumps(server(remotes=[REMOTE])))
    return file


def add(published: Path, file: Path, *options: str) -> None:
    main(["import", str(published), "--write", str(file), *options], {})


def fault(published: Path, file: Path, *options: str) -> str:
    with pytest.raises(SystemExit) as raised:
        add(published, file, *options)
    return str(raised.value)


def test_entry_is_added_and_all_else_stays_as_it_is(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(TEXT)
    file.chmod(0o640)
    add(published, file)
    added = json.dumps(ENTRY, indent=4).replace("\n", "\n        ")
    assert file.read_text() == TEXT.replace("}}\n", "}},\n" + f'        "weather": {added}\n')
    assert file.stat().st_mode & 0o777 == 0o640
    assert {*read_upstreams(file)} == {"far", "weather"}
    assert capsys.readouterr().out == f"weather: in {file}\n"


def test_entry_of_the_same_name_is_replaced_only_if_that_is_said(published: Path, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(before := TEXT.replace("far", "Weather"))
    assert "there is a server 'weather' already; --replace replaces it" in fault(published, file)
    assert file.read_text() == before
    add(published, file, "--name", "other")
    add(published, file, "--replace")
    assert json.loads(file.read_text())["mcpServers"] == {"Weather": ENTRY, "other": ENTRY}


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"mcpServers": {"far": {}}}', "\x00"], ids=["cut", "list", "entry", "nul"]
)
def test_wrong_file_is_left_as_it_is(published: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(text)
    assert str(file) in fault(published, file)
    assert file.read_text() == text
    assert {path.name for path in tmp_path.iterdir()} == {"mcp.json", "server.json"}


def test_read_only_file_is_left_as_it_is_and_a_missing_one_is_made_for_its_owner(
    published: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mcp.json"
    add(published, file)
    assert json.loads(file.read_text()) == {"mcpServers": {"weather": ENTRY}}
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o444)
    assert "it is read-only" in fault(published, file, "--replace")
    assert "No such file" in fault(published, tmp_path / "no" / "mcp.json")


def test_symbolic_link_stays_one(published: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "mcp.json"
    target.write_text(TEXT)
    os.symlink(target, link)
    add(published, link)
    assert link.is_symlink()
    assert {*read_upstreams(target)} == {"far", "weather"}


@pytest.mark.slow
def test_writers_at_the_same_time_lose_no_entry(published: Path, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(TEXT)
    names = [f"server-{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        [*pool.map(lambda name: add(published, file, "--name", name), names)]
    assert {*read_upstreams(file)} == {"far", *names}
