"""The file of pins, what is noted in it, and the command that approves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import LoadError
from gateway.upstream.cli import main
from gateway.upstream.pins.checks import Checks
from gateway.upstream.pins.definition import Pin
from gateway.upstream.pins.file import MAX_SERVER, Pins, PinsOfServer, editing, read

ROOT = Path(__file__).resolve().parents[4]


def pin(**tool: object) -> Pin:
    return Pin.of({"name": "a", "inputSchema": {"type": "object"}, **tool})


def written(folder: Path, *, approved: Pin | None = None, pending: Pin | None = None) -> Path:
    path = folder / "pins.json"
    with editing(path) as found:
        found.servers["one"] = PinsOfServer(
            approved={"a": approved} if approved else {}, pending={"a": pending} if pending else {}
        )
    return path


def test_pin_is_of_the_fields_that_clients_and_models_see() -> None:
    same = Pin.of({"inputSchema": {"type": "object"}, "title": None, "_meta": {"a": 1}, "icons": [], "name": "a"})
    assert same.sha256 == pin().sha256
    changes: list[dict[str, object]] = [
        {"title": "b"},
        {"description": ""},
        {"outputSchema": {}},
        {"annotations": {"readOnlyHint": True}},
    ]
    assert len({pin(**change).sha256 for change in changes} | {same.sha256}) == 5


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", "x" * MAX_SERVER], ids=lambda v: str(v)[:3])
def test_definition_that_cannot_be_stored_leaves_the_file_as_it_was(tmp_path: Path, value: object) -> None:
    path = written(tmp_path, approved=pin())
    before = path.read_bytes()
    with pytest.raises(LoadError), editing(path) as found:
        found.servers["evil"] = PinsOfServer.model_construct(approved={"a": pin(description=value)}, pending={})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["pins.json"]


def test_command_approves_what_it_has_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, approved=pin(), pending=pin(description="new"))
    main(["approve", "one", "--file", str(path), "--yes"], {})
    shown = capsys.readouterr().out.splitlines()
    assert (shown[:2], shown[-1]) == (["--- 'a', approved", "+++ 'a', now"], "one: approved 1")
    assert '+  "description": "new",' in shown
    assert read(path).servers["one"] == PinsOfServer(approved={"a": pin(description="new")}, pending={})
    main(["approve", "one"], {"MCP_PINS_FILE": str(path)})
    assert capsys.readouterr().out == "one: nothing has changed\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["one"], "nothing was approved"), (["on", "--yes"], "no server 'on'. Did you mean 'one'?")],
)
@pytest.mark.slow
def test_command_refuses_in_one_line(tmp_path: Path, arguments: list[str], reason: str) -> None:
    path = written(tmp_path, pending=pin())
    command = [sys.executable, "-m", "gateway.upstream", "approve", *arguments, "--file", str(path)]
    ended = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert reason in ended.stderr
    assert read(path).servers["one"].pending == {"a": pin()}


@pytest.mark.anyio
async def test_workers_whose_lists_differ_note_each_change_once(tmp_path: Path) -> None:
    """Each of them compares its tools again whenever the file has changed."""
    pins = tmp_path / "pins.json"
    first, second = (Checks("one", Pins(pins), blocks=True) for _ in range(2))
    lists = [[{"name": "a", "description": text}] for text in ("", "b", "c")]
    for checks in (first, second):
        assert await checks.unapproved(lists[0]) == frozenset()
    for _ in range(3):
        assert await first.unapproved(lists[1]) == {"a"}
        noted = read(pins)
        assert await second.unapproved(lists[2]) == {"a"}
    assert read(pins) == noted
    assert noted.servers["one"].pending["a"].definition["description"] == "c"
    await first.unapproved(lists[0])
    assert "a" in read(pins).servers["one"].pending
    await second.unapproved(lists[0])
    assert read(pins).servers["one"].pending == {}
