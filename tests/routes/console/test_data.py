"""The data of the console: one call with its arguments, figures, refusals and settings."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import Context

from tests.conftest import MakeApp, server_of
from tests.events import STREAM, all_events
from tests.keys import bearer
from tests.routes.console.console import keys, one, stream
from tests.routes.console.test_events import add, body, calls
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def keep(password: str, note: str, ctx: Context) -> dict[str, str]:
    await ctx.report_progress(1, 2, "half")
    return {"token": password, "note": note}


@pytest.mark.slow
async def test_arguments_and_results_are_not_kept_unless_they_are_to_be_shown(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(keep), console=True)) as http:
        sent = {"tool": "keep", "arguments": {"password": "hunter2", "note": "visible"}}
        answer = await http.post("/one/mcp/call", json=sent)
        found = await one(http, answer.headers["x-request-id"])
    assert "hunter2" not in json.dumps(found)
    assert not {"arguments", "result"} & found.keys()


@pytest.mark.slow
async def test_arguments_need_their_scope_and_have_no_secrets(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    app = make_app(server_of(keep), console=True, console_arguments=True, **setting)
    async with opened(app) as http:
        sent = {"tool": "keep", "arguments": {"password": "hunter2", "note": "visible " + "x" * 9000}}
        answer = await http.post("/one/mcp/call", json=sent, headers={**STREAM, **bearer(given["admin"])})
        await all_events(answer)
        request_id = answer.headers["x-request-id"]
        read = await one(http, request_id, bearer(given["reader"]))
        seen = await one(http, request_id, bearer(given["all"]))
        assert "visible" not in json.dumps(read)
        assert [name for _, name, _ in read["marks"]] == ["progress"]
        assert "visible" in seen["arguments"]
        assert "visible" in seen["result"]
        assert seen["marks"][0][1:] == ["progress", "1 2 half"]
        assert "hunter2" not in json.dumps(seen)
        assert max(len(seen["arguments"]), len(seen["result"])) < 4200
        async with stream(http, bearer(given["all"])) as feed:
            assert "visible" not in json.dumps(await feed.until("calls", lambda each: each["calls"]))


@pytest.mark.slow
async def test_figures_say_which_tool_is_slow_and_what_failed_last(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), console=True)) as http:
        await calls(http, 4)
        failed = await http.post("/one/mcp/call", json=body(a="x", b=1), headers={"x-request-id": "failed"})
        assert failed.status_code == 422
        await http.post("/one/mcp/call", json={"tool": "none"})
        await one(http, "failed")
        (row,) = (await http.get("/console/data/tools")).json()["tools"]
        assert (row["calls"], row["errors"], row["last_error"][1:]) == (5, 1, ["invalid-arguments", "failed"])
        assert 0 < row["p50"] <= row["p95"] <= row["p99"]
        assert sum(row["spark"]) == 5
        problem = (await one(http, "failed"))["problem"]
        assert problem.startswith("The arguments do not match the tool's input schema. a: ")


@pytest.mark.slow
async def test_refusals_say_why_and_from_where(make_app: MakeApp, tmp_path: Path) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, **setting)) as http:
        await http.get("/tools")
        await http.post("/one/mcp/call", json=body(a=1, b=2), headers=bearer(given["cancel"]))
        await http.get("/tools", headers={"host": "foreign.example"})
        await asyncio.sleep(0.1)
        answer = await http.get("/console/data/refusals", headers=bearer(given["reader"]))
        found = [(each["reason"], each["address"], each["caller"]) for each in answer.json()["refusals"]]
    assert sorted(found, key=str) == [
        ("forbidden", "127.0.0.1", "key:cancel"),
        ("misdirected", "127.0.0.1", None),
        ("unauthenticated", "127.0.0.1", None),
    ]


async def test_settings_are_names_without_values(make_app: MakeApp) -> None:
    secret = "s" * 40
    async with opened(make_app(server_of(add), console=True, state_keys=(secret,), rate_limit="77/minute")) as http:
        answer = await http.get("/console/data/settings")
        rows = {row["name"]: row["set"] for row in answer.json()["settings"]}
        assert (rows["MCP_STATE_KEYS"], rows["MCP_RATE_LIMIT"], rows["MCP_PUBLIC_URL"]) == (True, True, False)
        assert secret not in answer.text
        assert "77/minute" not in answer.text


async def test_server_that_did_not_start_is_shown_with_its_error(make_app: MakeApp, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"far": {"command": str(tmp_path / "nothing")}}}))
    async with (
        opened(make_app(server_of(add), console=True, servers=(), servers_file=str(file))) as http,
        asyncio.timeout(20),
    ):
        rows: dict[str, Any] = {}
        while rows.get("far", {}).get("detail", {}).get("status") != "failing":
            rows = {row["server"]: row for row in (await http.get("/console/data/servers")).json()["servers"]}
            await asyncio.sleep(0.02)
    assert (rows["one"]["state"], rows["one"]["detail"]) == ("ready", {"status": "ok"})
    assert rows["far"]["detail"]["reason"].startswith("command: there is no program '")
