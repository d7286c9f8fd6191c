"""`/admin/history` and `/admin/rollback`; and that no value of an entry is in an answer or in the log."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.clients import post
from tests.routes.admin.conftest import NEW, Administered, child, file_of, saved

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ANY = {"if-match": "*"}


async def test_history_says_who_changed_which_keys_and_from_where(administered: Administered, tmp_path: Path) -> None:
    async with administered() as http:
        off = child(disabled=True)
        await http.put("/admin/servers/far", json=off, headers=NEW)
        await http.put("/admin/servers/far", json={**off, "env": {"PEER": "", "TOKEN": "x"}}, headers=ANY)
        await http.delete("/admin/servers/far")
        records = (await http.get("/admin/history")).json()["records"]
        assert [(each["number"], each["action"]) for each in records] == [(3, "delete"), (2, "put"), (1, "put")]
        assert records[1]["changes"] == [{"server": "far", "keys": ["env.TOKEN"]}]
        assert {(each["caller"], each["address"]) for each in records} == {("key:admin", "127.0.0.1")}
        assert all(each["time"].endswith("Z") for each in records)
        mode = (tmp_path / "mcp.json.history").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


async def test_rollback_makes_the_entries_what_they_were(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child(), "kept": child(disabled=True)}) as http:
        await http.put("/admin/servers/new", json=child(), headers=NEW)
        await http.put("/admin/servers/far", json=child(timeout=5), headers=ANY)
        await http.delete("/admin/servers/far")
        answer = await http.post("/admin/rollback", json={"to": 1})
        assert (answer.status_code, answer.json()["number"], answer.json()["failed"]) == (200, 4, {}), answer.text
        assert saved(tmp_path)["far"] == child()
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        await http.post("/admin/rollback", json={"to": 0})
        assert saved(tmp_path) == {"far": child(), "kept": child(disabled=True)}
        assert (await post(http, "add", {"a": 1, "b": 2}, server="new")).status_code == 404
        await http.post("/admin/rollback", json={"to": 2})
        assert saved(tmp_path)["far"] == {**child(timeout=5), "source": "api"}
        again = (await http.post("/admin/rollback", json={"to": 6})).json()
        assert again == {"number": 6, "changes": [], "failed": {}}


async def test_rollback_is_held_to_the_present_rules(administered: Administered, tmp_path: Path) -> None:
    async with administered() as http:
        assert (await http.put("/admin/servers/far", json=child(), headers=NEW)).status_code == 201
        await http.delete("/admin/servers/far")
    async with administered(admin_stdio=()) as http:
        answer = await http.post("/admin/rollback", json={"to": 1})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "command")
        assert saved(tmp_path) == {}


async def test_fifty_records_are_kept(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child(disabled=True)}) as http:
        for number in range(53):
            await http.put("/admin/servers/far", json=child(disabled=True, timeout=number + 1), headers=ANY)
        records = (await http.get("/admin/history")).json()["records"]
        assert [each["number"] for each in records] == [*range(53, 3, -1)]
        assert (await http.post("/admin/rollback", json={"to": 2})).status_code == 422
        assert (await http.post("/admin/rollback", json={"to": 3})).status_code == 200
        assert saved(tmp_path)["far"]["timeout"] == 3


async def test_damaged_history_stops_changes(administered: Administered, tmp_path: Path) -> None:
    async with administered() as http:
        (tmp_path / "mcp.json.history").write_text("{")
        answer = await http.put("/admin/servers/far", json=child(disabled=True), headers=NEW)
        assert (answer.status_code, saved(tmp_path)) == (503, {})


async def test_no_value_is_in_an_answer_or_in_the_log(
    administered: Administered,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("ALLOWED", "secret-of-the-environment")
    seen: list[str] = []
    entry: dict[str, Any] = {
        "url": "http://127.0.0.1:9/mcp?key=secret-query",
        "headers": {"X-Key": "Bearer secret-header", "X-Env": "${ALLOWED}", "X-Default": "${NO:-secret-default}"},
        "auth": {"type": "clientCredentials", "clientId": "id", "clientSecret": "secret-client"},
    }
    by_hand = {**entry, "proxy": "http://user:secret-proxy@127.0.0.1:9"}
    with_env = child(env={"PEER": "", "TOKEN": "secret-env"})
    async with administered({"hand": by_hand}, admin_env=("ALLOWED", "NO")) as http:
        posted = [
            http.put("/admin/servers/far", json=entry, headers=NEW),
            http.put("/admin/servers/far?force=true", json=entry, headers=NEW),
            http.put("/admin/servers/far", json={**entry, "timeout": "secret-wrong"}, headers=ANY),
            http.put("/admin/servers/near", json=with_env, headers=NEW),
            http.get("/admin/servers"),
            http.get("/admin/servers/hand"),
            http.post("/admin/servers/near/disable"),
            http.delete("/admin/servers/far"),
            http.post("/admin/rollback", json={"to": 0}),
            http.post("/admin/reload"),
            http.get("/admin/history"),
            http.get("/hand/mcp/health"),
        ]
        for request in posted:
            answer = await request
            seen.append(answer.text)
    assert "secret-env" in (tmp_path / "mcp.json.history").read_text()
    assert "${ALLOWED}" in seen[4]
    everything = json.dumps(seen) + "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for secret in ("query", "header", "default", "client", "proxy", "env", "of-the-environment", "wrong"):
        assert f"secret-{secret}" not in everything, secret


async def test_reload_serves_at_once_what_was_written_by_hand(administered: Administered, tmp_path: Path) -> None:
    async with administered() as http:
        file_of(tmp_path).write_text(json.dumps({"mcpServers": {"far": child()}}))
        assert (await http.post("/admin/reload")).json() == {"failed": {}}
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        file_of(tmp_path).write_text("{")
        assert (await http.post("/admin/reload")).status_code == 503
        assert (await http.put("/admin/servers/new", json=child(), headers=NEW)).status_code == 503
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}


async def test_change_and_its_outcome_are_in_the_log(
    administered: Administered, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with administered() as http:
        await http.put("/admin/servers/far", json=child(disabled=True), headers=NEW)
        await http.put("/admin/servers/far", json={"command": "sh"}, headers=ANY)
        await http.get("/admin/servers")
    lines = [record.fields for record in caplog.records if record.getMessage() == "admin"]  # type: ignore[attr-defined]
    assert [(line["method"], line["outcome"]) for line in lines] == [("PUT", "ok"), ("PUT", "invalid-entry")]
    assert {(line["path"], line["caller"]) for line in lines} == {("/admin/servers/far", "key:admin")}
