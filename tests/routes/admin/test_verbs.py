"""Verbs for a server that is registered: disable, restart, read its log, approve its tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients import post
from tests.gateway.upstream.http.peer import Asked, modern, serving
from tests.routes.admin.conftest import Administered, child, saved

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_disabled_server_is_not_served_until_it_is_enabled(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child()}) as http:
        answer = await http.post("/admin/servers/far/disable")
        assert (answer.status_code, answer.json()["state"]) == (200, "disabled")
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 404
        answer = await http.post("/admin/servers/far/restart")
        assert answer.status_code == 400
        answer = await http.post("/admin/servers/far/enable")
        assert (answer.status_code, answer.json()["state"], answer.json()["source"]) == (200, "ready", "file")
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).json() == {"result": 3}
        assert saved(tmp_path) == {"far": child()}


@pytest.mark.slow
async def test_call_in_flight_at_a_deleted_server_ends_with_its_result(administered: Administered) -> None:
    arrived, released = anyio.Event(), anyio.Event()

    async def answer(asked: Asked) -> None:
        if asked.rpc == "tools/list":
            asked.result({"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]})
            return
        arrived.set()
        await released.wait()
        asked.result({"content": [{"type": "text", "text": "done"}]})

    async with serving(modern(answer)) as peer, administered({"far": {"url": peer.url}}) as http:
        answers: list[Any] = []

        async def call() -> None:
            answers.append((await post(http, "wait", {}, server="far")).json())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await arrived.wait()
            assert (await http.delete("/admin/servers/far")).status_code == 202
            assert (await post(http, "wait", {}, server="far")).status_code == 404
            assert answers == []
            released.set()
        assert answers == [{"result": "done"}]


@pytest.mark.parametrize(
    ("entry", "settings", "reason"),
    [
        (child(), {"admin_stdio": ("npx",)}, "command: MCP_ADMIN_STDIO"),
        (child(args=["${HOME}"]), {}, "args.0: MCP_ADMIN_ENV"),
        (child(env={"WHO": "${caller.id}"}), {}, "env.WHO: MCP_ADMIN_ENV"),
        ({"url": "http://127.0.0.1:9/"}, {"admin_networks": ()}, "url: its address"),
        (child(), {"admin": False, "admin_stdio": ()}, "command: MCP_ADMIN_STDIO"),
    ],
)
async def test_entry_of_the_api_that_is_not_allowed_any_more_is_not_opened(
    administered: Administered, entry: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    async with administered({"far": {**entry, "source": "api"}}, **settings) as http:
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 503
        health = (await http.get("/far/mcp/health")).json()
        assert (health["status"], health["reason"][: len(reason)]) == ("failing", reason)


@pytest.mark.slow
async def test_restart_replaces_the_process(administered: Administered) -> None:
    async with administered({"far": child()}) as http:
        before = (await post(http, "pid", server="far")).json()["result"]
        answer = await http.post("/admin/servers/far/restart")
        assert (answer.status_code, answer.json()["state"]) == (200, "ready")
        assert (await post(http, "pid", server="far")).json()["result"] != before


@pytest.mark.slow
async def test_log_has_the_last_lines_of_the_child(administered: Administered) -> None:
    async with administered({"far": child()}) as http:
        await post(http, "stderr", {"text": "one line\nanother\n"}, server="far")
        with anyio.fail_after(5):
            while (lines := (await http.get("/admin/servers/far/log")).json()["lines"]) != ["one line", "another"]:
                await anyio.sleep(0.02)
        for number in range(30):
            await post(http, "stderr", {"text": "x\n" * 10 + f"{number}\n"}, server="far")
        with anyio.fail_after(5):
            while (lines := (await http.get("/admin/servers/far/log")).json()["lines"])[-1] != "29":
                await anyio.sleep(0.02)
        assert len(lines) == 200
        assert (await http.get("/admin/servers/one/log")).json()["lines"] == []
        assert (await http.get("/admin/servers/none/log")).status_code == 404


@pytest.mark.slow
async def test_list_has_servers_of_each_source_and_those_that_are_not_served(administered: Administered) -> None:
    entries = {"far": child(), "off": child(disabled=True), "mine": child(source="api")}
    async with administered(entries) as http:
        await post(http, "add", {"a": 1, "b": 2}, server="far")
        found = {each["name"]: each for each in (await http.get("/admin/servers")).json()["servers"]}
        sources = {name: each["source"] for name, each in found.items()}
        assert sources == {"one": "module", "far": "file", "off": "file", "mine": "api"}
        assert (found["off"]["state"], found["far"]["restarts"]) == ("disabled", 0)
        assert "entry" not in found["one"]
        assert found["one"]["tools"] == ["add"]


@pytest.mark.slow
async def test_tools_that_changed_are_approved_by_the_hash_of_what_was_seen(
    administered: Administered, tmp_path: Path
) -> None:
    pins = {"pins_file": str(tmp_path / "pins.json")}
    async with administered({"far": child(pin="block")}, **pins) as http:
        await post(http, "add", {"a": 1, "b": 2}, server="far")
        assert (await http.post("/admin/servers/far/approve", json={"hash": "x"})).status_code == 400
    async with administered({"far": child("changed", pin="block")}, **pins) as http:
        assert (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code == 403
        shown = (await http.get("/admin/servers/far")).json()["pins"]
        assert shown["policy"] == "block"
        assert "send the key, too" in "".join(shown["pending"]["add_tool"])
        for wrong in ("0" * 64, ""):
            answer = await http.post("/admin/servers/far/approve", json={"hash": wrong})
            assert answer.status_code == 412
        answer = await http.post("/admin/servers/far/approve", json={"hash": shown["hash"]})
        assert (answer.status_code, answer.json()) == (200, {"name": "far", "approved": 1})
        with anyio.fail_after(10):
            while (await post(http, "add", {"a": 1, "b": 2}, server="far")).status_code != 200:
                await anyio.sleep(0.05)


@pytest.mark.slow
async def test_change_and_disabling_at_once_do_not_undo_each_other(administered: Administered, tmp_path: Path) -> None:
    async with administered({"far": child(surprise=1)}) as http:
        statuses: dict[str, int] = {}
        tag = {"if-match": (await http.get("/admin/servers/far")).headers["etag"]}

        async def put() -> None:
            answer = await http.put("/admin/servers/far", json=child(timeout=5), headers=tag)
            statuses["put"] = answer.status_code

        async def disable() -> None:
            statuses["disable"] = (await http.post("/admin/servers/far/disable")).status_code

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put)
            tasks.start_soon(disable)
        assert {*statuses.values()} <= {200, 412}
        found = saved(tmp_path)["far"]
        assert ("timeout" in found) == (statuses["put"] == 200)
        assert found.get("disabled", False) == (statuses["disable"] == 200)


@pytest.mark.slow
async def test_entry_of_the_file_with_a_key_that_is_not_known_can_be_enabled_and_restarted(
    administered: Administered,
) -> None:
    async with administered({"far": child(surprise=1, disabled=True)}) as http:
        for verb in ("enable", "restart"):
            answer = await http.post(f"/admin/servers/far/{verb}")
            assert (answer.status_code, answer.json()["entry"]["surprise"]) == (200, 1), answer.text
