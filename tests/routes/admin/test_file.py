"""The file that the admin API writes: its form, its permissions, and what happens when it cannot be written."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from tests.routes.admin.conftest import NEW, Administered, child, file_of, saved

pytestmark = pytest.mark.anyio
OFF = child(disabled=True)


@pytest.mark.parametrize("form", ['{"mcpServers": %s}', '{"inputs": [], "servers": %s}', "%s"])
@pytest.mark.slow
async def test_form_of_the_file_and_unknown_keys_are_kept(
    administered: Administered, tmp_path: Path, form: str
) -> None:
    kept = '{"kept": {"command": "x", "disabled": true, "surprise": [1,  2]}}'
    file_of(tmp_path).write_text(form % kept)
    async with administered() as http:
        assert (await http.put("/admin/servers/far", json=OFF, headers=NEW)).status_code == 201
        text = file_of(tmp_path).read_text()
        assert '"kept": {"command": "x", "disabled": true, "surprise": [1,  2]}' in text
        await http.delete("/admin/servers/far")
        assert file_of(tmp_path).read_text() == form % kept


@pytest.mark.slow
async def test_permissions_of_the_file_are_kept_and_nothing_is_left_beside_it(
    administered: Administered, tmp_path: Path
) -> None:
    async with administered({"kept": OFF}) as http:
        file_of(tmp_path).chmod(0o640)
        await http.put("/admin/servers/far", json=OFF, headers=NEW)
        assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o640
        assert {*os.listdir(tmp_path)} == {"mcp.json", "mcp.json.history", "keys.json", "servers"}


@contextmanager
def _mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.mark.parametrize("name", ["mcp.json", ""])
async def test_file_or_folder_that_cannot_be_written_is_409(
    administered: Administered, tmp_path: Path, name: str
) -> None:
    async with administered({"kept": OFF}) as http:
        with _mode(tmp_path / name, 0o555 if not name else 0o444):
            answer = await http.put("/admin/servers/far", json=OFF, headers=NEW)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:multi-mcp:error:read-only")
        assert saved(tmp_path) == {"kept": OFF}


async def test_file_behind_a_link_is_409(administered: Administered, tmp_path: Path) -> None:
    (tmp_path / "..data").write_text(json.dumps({"mcpServers": {"kept": OFF}}))
    file_of(tmp_path).symlink_to("..data")
    async with administered() as http:
        answer = await http.put("/admin/servers/far", json=OFF, headers=NEW)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:multi-mcp:error:read-only")
        assert (await http.get("/admin/servers/kept")).status_code == 200
        assert file_of(tmp_path).is_symlink()


async def test_writer_that_died_leaves_the_whole_old_file_and_what_it_left_is_removed(
    administered: Administered, tmp_path: Path
) -> None:
    async with administered({"kept": OFF}) as http:
        left = tmp_path / ".mcp.json.abc.tmp"
        left.write_text('{"mcpServers": {"ha')
        assert [each["name"] for each in (await http.get("/admin/servers")).json()["servers"]] == ["kept", "one"]
        await http.put("/admin/servers/far", json=OFF, headers=NEW)
        assert {*os.listdir(tmp_path)} == {"mcp.json", "mcp.json.history", "keys.json", "servers"}
        assert [*saved(tmp_path)] == ["kept", "far"]


@pytest.mark.slow
async def test_file_is_never_seen_half_written(administered: Administered, tmp_path: Path) -> None:
    seen: set[int] = set()
    ends = threading.Event()

    def read() -> None:
        while not ends.is_set():
            seen.add(len(json.loads(file_of(tmp_path).read_text())["mcpServers"]))

    async with administered({"kept": OFF}) as http:
        reader = threading.Thread(target=read)
        reader.start()
        for number in range(10):
            await http.put(f"/admin/servers/far-{number}", json=child(disabled=True, args=["x" * 30_000]), headers=NEW)
        ends.set()
        reader.join()
        assert seen <= {*range(1, 12)}
        assert len(saved(tmp_path)) == 11


@pytest.mark.slow
async def test_change_waits_for_another_process_that_writes(administered: Administered, tmp_path: Path) -> None:
    async with administered({"kept": OFF}) as http:
        folder = os.open(tmp_path, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        answered = anyio.Event()

        async def put() -> None:
            assert (await http.put("/admin/servers/far", json=OFF, headers=NEW)).status_code == 201
            answered.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put)
            with anyio.move_on_after(0.3):
                await answered.wait()
            assert not answered.is_set()
            os.close(folder)
        assert answered.is_set()


@pytest.mark.slow
async def test_file_that_would_be_too_large_is_422(administered: Administered, tmp_path: Path) -> None:
    big = child(disabled=True, args=["x" * 100_000])
    async with administered({f"kept-{number}": big for number in range(10)}) as http:
        answer = await http.put("/admin/servers/far", json=big, headers=NEW)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "")
        assert "far" not in saved(tmp_path)


@pytest.mark.slow
async def test_entry_that_would_take_the_name_of_another_one_changes_that_one(
    administered: Administered, tmp_path: Path
) -> None:
    async with administered({"Brave Search": OFF}) as http:
        shown = await http.get("/admin/servers/brave-search")
        answer = await http.put(
            "/admin/servers/brave-search", json={**OFF, "timeout": 5}, headers={"if-match": shown.headers["etag"]}
        )
        assert answer.status_code == 200
        assert [*saved(tmp_path)] == ["Brave Search"]


@pytest.mark.slow
async def test_text_that_only_escapes_can_carry_is_shown_and_not_changed(
    administered: Administered, tmp_path: Path
) -> None:
    file_of(tmp_path).write_text('{"far": {"command": "x", "disabled": true, "description": "\\ud800 é"}}')
    async with administered() as http:
        shown = await http.get("/admin/servers/far")
        assert shown.json()["entry"]["description"] == "\ud800 é"
        assert (await http.delete("/admin/servers/far")).status_code == 422
        assert (await http.put("/admin/servers/new", json=OFF, headers=NEW)).status_code == 201
