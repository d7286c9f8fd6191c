"""`/admin/servers`: registers, changes and removes servers while the router runs."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from tests.clients import post
from tests.routes.admin.conftest import NEW, Administered, child, saved

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_put_registers_a_server_that_serves_when_it_is_answered(
    administered: Administered, tmp_path: Path
) -> None:
    async with administered() as http:
        answer = await http.put("/admin/servers/far", json=child(), headers=NEW)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert (found["name"], found["source"], found["state"], found["era"]) == ("far", "api", "ready", "modern")
        assert "add_tool" in found["tools"]
        assert answer.headers["etag"] == found["etag"]
        assert answer.headers["cache-control"] == "no-store"
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        assert saved(tmp_path) == {"far": {**child(), "source": "api"}}


async def test_put_of_a_server_with_a_url(administered: Administered, far: str) -> None:
    async with administered() as http:
        answer = await http.put("/admin/servers/far", json={"url": far}, headers=NEW)
        assert (answer.status_code, answer.json()["state"]) == (201, "ready")


async def test_put_changes_an_entry_and_answers_200(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child()}) as http:
        shown = await http.get("/admin/servers/far")
        assert shown.json()["source"] == "file"
        described = child(tools={"describe": {"add_tool": "Adds."}})
        answer = await http.put("/admin/servers/far", json=described, headers={"if-match": shown.headers["etag"]})
        assert (answer.status_code, answer.json()["source"]) == (200, "api"), answer.text
        tools = (await http.get("/far/mcp/tools")).json()["tools"]
        assert next(tool for tool in tools if tool["name"] == "add_tool")["description"] == "Adds."
        assert saved(tmp_path)["far"]["tools"] == described["tools"]


async def test_entry_that_was_read_can_be_written_back_with_its_hidden_values(
    administered: Administered, tmp_path: Path
) -> None:
    entry = child(env={"PEER": "", "TOKEN": "secret-value"}, timeout=5)
    async with administered({"far": entry}) as http:
        shown = await http.get("/admin/servers/far")
        assert "secret-value" not in shown.text
        body = {**shown.json()["entry"], "timeout": 6}
        answer = await http.put("/admin/servers/far", json=body, headers={"if-match": shown.headers["etag"]})
        assert answer.status_code == 200, answer.text
        assert saved(tmp_path)["far"] == {**entry, "timeout": 6, "source": "api"}


async def test_hidden_value_is_not_sent_elsewhere(administered: Administered, far: str, tmp_path: Path) -> None:
    async with administered({"far": {"url": far, "headers": {"X-Key": "secret-value"}}}) as http:
        shown = (await http.get("/admin/servers/far")).json()
        body = {**shown["entry"], "url": far.replace("/mcp", "/other")}
        answer = await http.put("/admin/servers/far", json=body, headers={"if-match": shown["etag"]})
        assert answer.status_code == 422
        assert [error["path"] for error in answer.json()["errors"]] == ["headers.X-Key"]
        assert saved(tmp_path)["far"]["url"] == far


async def test_dry_run_opens_the_server_and_changes_nothing(administered: Administered, tmp_path: Path) -> None:
    async with administered() as http:
        answer = await http.put("/admin/servers/far?dryRun=true", json=child(), headers=NEW)
        assert (answer.status_code, answer.json()["era"]) == (200, "modern")
        assert "add_tool" in answer.json()["tools"]
        assert (await http.get("/admin/servers/far")).status_code == 404
        assert (saved(tmp_path), {*os.listdir(tmp_path)} - {"mcp.json"}) == ({}, {"keys.json", "servers"})


async def test_server_that_does_not_open_is_502_and_not_registered(administered: Administered, tmp_path: Path) -> None:
    entry = child(args=["-c", "raise SystemExit(3)"])
    async with administered() as http:
        for query in ("", "?dryRun=true"):
            answer = await http.put(f"/admin/servers/far{query}", json=entry, headers=NEW)
            found = answer.json()
            assert (answer.status_code, found["type"]) == (502, "urn:multi-mcp:error:upstream-error")
            assert found["outcome"] == "not-executed"
        assert saved(tmp_path) == {}
        answer = await http.put("/admin/servers/far?force=true", json=entry, headers=NEW)
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] in ("starting", "failing")
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 503


async def test_change_that_does_not_open_leaves_the_server_as_it_is(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child()}) as http:
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        tag = (await http.get("/admin/servers/far")).headers["etag"]
        broken = child(args=["-c", "raise SystemExit(3)"])
        answer = await http.put("/admin/servers/far", json=broken, headers={"if-match": tag})
        assert answer.status_code == 502
        assert saved(tmp_path) == {"far": child()}
        forced = await http.put("/admin/servers/far?force=1", json=broken, headers={"if-match": tag})
        assert (forced.status_code, forced.json()["state"]) == (200, "stale"), forced.text
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        assert "far" in (await http.post("/admin/reload")).json()["failed"]


async def test_of_two_changes_at_once_one_is_412(administered: Administered) -> None:
    async with administered({"far": child()}) as http:
        tag = (await http.get("/admin/servers/far")).headers["etag"]
        statuses: list[int] = []

        async def put(seconds: int) -> None:
            answer = await http.put("/admin/servers/far", json=child(timeout=seconds), headers={"if-match": tag})
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put, 5)
            tasks.start_soon(put, 6)
        assert sorted(statuses) == [200, 412]


async def test_of_two_registrations_at_once_one_is_412(administered: Administered) -> None:
    async with administered() as http:
        statuses: list[int] = []

        async def put() -> None:
            statuses.append((await http.put("/admin/servers/far", json=child(), headers=NEW)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(put)
        assert sorted(statuses) == [201, 412]


async def test_deleted_server_gets_no_further_call_and_finishes_those_in_flight(
    administered: Administered, tmp_path: Path
) -> None:
    async with administered({"far": child(), "kept": child()}) as http:
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 200
        answer = await http.delete("/admin/servers/far")
        assert (answer.status_code, answer.json()) == (202, {"name": "far", "state": "draining"})
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 404
        assert [*saved(tmp_path)] == ["kept"]
        assert (await http.delete("/admin/servers/far")).status_code == 404
