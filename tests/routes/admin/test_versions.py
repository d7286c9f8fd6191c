"""Entries that run the versions of a server, as the admin API changes them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from tests.gateway.upstream.versions.serving import PEER, described
from tests.routes.admin.conftest import Administered, file_of, saved

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ENTRY = {"command": "python3", "args": ["-IS", str(PEER)], "env": {"VERSION": "1.1.1"}}


def write(folder: Path, **how: str) -> None:
    document = described("1.0.0", "2.0.0", name="far", how={"1.0.0": "", "2.0.0": "", **how})
    file_of(folder).write_text(json.dumps(document, indent=2) + "\n")


async def etag(http: httpx2.AsyncClient) -> dict[str, str]:
    return {"if-match": (await http.get("/admin/servers/far-v1-0-0")).headers["etag"]}


async def test_entry_that_runs_a_version_is_changed_beneath_its_server(
    administered: Administered, tmp_path: Path
) -> None:
    write(tmp_path)
    async with administered() as http:
        shown = {each["name"]: each for each in (await http.get("/admin/servers")).json()["servers"]}
        assert shown["far-v1-0-0"]["runs"] == {"server": "far", "version": "1.0.0", "status": "ok"}
        assert [each["state"] for each in shown.values()] == ["ready"] * 4
        answer = await http.put("/admin/servers/far-v1-0-0", json=ENTRY, headers=await etag(http))
        assert (answer.status_code, answer.json()["state"]) == (200, "ready"), answer.text
        called = await http.post("/far/mcp/call", json={"tool": "search", "version": "1"})
        assert (called.headers["tool-version"], called.json()["result"]) == ("1.0.0", "1.1.1 1")
        assert (await http.post("/far/mcp/call", json={"tool": "search"})).json()["result"].startswith("2.0.0 ")


async def test_entry_that_runs_a_version_cannot_be_removed(administered: Administered, tmp_path: Path) -> None:
    write(tmp_path)
    async with administered() as http:
        answer = await http.delete("/admin/servers/far-v1-0-0", headers=await etag(http))
        assert answer.status_code == 422
        assert "versions of 'far': '1.0.0': there is no entry 'far-v1-0-0'" in answer.text
        assert [*saved(tmp_path)] == ["far-v1-0-0", "far-v2-0-0"]


async def test_dry_run_of_an_entry_with_the_name_of_a_server_with_versions_is_refused(
    administered: Administered, tmp_path: Path
) -> None:
    write(tmp_path)
    async with administered() as http:
        answer = await http.put("/admin/servers/far?dryRun=true", json=ENTRY, headers={"if-none-match": "*"})
        assert answer.status_code == 422
        assert "an entry that is none of them has this name" in answer.text


async def test_change_that_does_not_open_is_undone(administered: Administered, tmp_path: Path) -> None:
    write(tmp_path)
    async with administered() as http:
        broken = {**ENTRY, "env": {"VERSION": "1.1.1", "PEER": "exit"}}
        answer = await http.put("/admin/servers/far-v1-0-0", json=broken, headers=await etag(http))
        assert answer.status_code == 502
        called = await http.post("/far/mcp/call", json={"tool": "search", "version": "1"})
        assert called.json()["result"].startswith("1.0.0 ")
