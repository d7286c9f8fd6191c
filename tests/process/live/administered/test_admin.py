"""The admin API of several processes that share one file of servers."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.upstream.conftest import written
from tests.keys import add_key, bearer
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.routes.admin.conftest import child

pytestmark = pytest.mark.process
NEW, ANY = {"if_none_match": "*"}, {"if_match": "*"}
SEEN = 3.0
"""Seconds in which every process must serve a change: one, and what a busy machine takes."""


class Administrator:
    """Sends requests to routers with the scope `admin`."""

    def __init__(self, folder: Path) -> None:
        self.keys = folder / "keys.json"
        self._headers = {**bearer(add_key(self.keys, "root", "admin")), "content-type": "application/json"}

    def settings(self, file: str) -> dict[str, str]:
        given = {"MCP_ADMIN": "1", "MCP_SERVERS_FILE": file, "MCP_AUTH_KEYS": str(self.keys)}
        return {**given, "MCP_ADMIN_STDIO": "python3", "LOG_LEVEL": "info"}

    def sent(self, router: Router, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        given = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with router.sent(method, path, given, body) as answer:
            return answer.status, json.loads(answer.read())

    def call(self, router: Router, server: str, tool: str = "add_tool", **arguments: int) -> tuple[int, Any]:
        status, document = self.sent(router, "POST", f"/{server}/mcp/call", {"tool": tool, "arguments": arguments})
        return status, document.get("result")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SEEN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_change_at_one_replica_reaches_the_other_within_a_moment(start: Start, tmp_path: Path) -> None:
    who = Administrator(tmp_path)
    settings = who.settings(written(tmp_path, {}))
    one, two = (start(**settings).await_table() for _ in range(2))
    status, found = who.sent(one, "PUT", "/admin/servers/far", child(), **NEW)
    assert (status, found["state"]) == (201, "ready")
    assert who.call(one, "far", a=1, b=2) == (200, 3)
    until(lambda: who.call(two, "far", a=1, b=2) == (200, 3))
    before = who.call(two, "far", "pid")[1]
    tag = who.sent(two, "GET", "/admin/servers/far")[1]["etag"]
    assert who.sent(one, "POST", "/admin/servers/far/restart")[0] == 200
    until(lambda: who.call(two, "far", "pid")[1] not in (None, before))
    assert who.sent(two, "DELETE", "/admin/servers/far", if_match=tag)[0] == 412
    assert who.sent(two, "DELETE", "/admin/servers/far")[0] == 202
    assert who.call(two, "far", a=1, b=2)[0] == 404
    until(lambda: who.call(one, "far", a=1, b=2)[0] == 404)
    assert who.sent(one, "POST", "/admin/rollback", {"to": 1})[1]["number"] == 4
    until(lambda: who.call(two, "far", a=1, b=2) == (200, 3))
    assert not [line for line in (one.log() + two.log()).splitlines() if "Traceback" in line]


def test_workers_serve_what_one_of_them_was_told_and_none_overwrites_another(start: Start, tmp_path: Path) -> None:
    who = Administrator(tmp_path)
    router = start(**who.settings(written(tmp_path, {})), WORKERS="2").await_table()
    names = [f"far-{number}" for number in range(6)]
    for name in names:
        status, _ = who.sent(router, "PUT", f"/admin/servers/{name}", child(disabled=True), **NEW)
        assert status == 201
    assert [each["number"] for each in who.sent(router, "GET", "/admin/history")[1]["records"]] == [6, 5, 4, 3, 2, 1]
    status, _ = who.sent(router, "POST", "/admin/servers/far-0/enable")
    assert status == 200
    until(lambda: {who.call(router, "far-0", a=1, b=2) for _ in range(30)} == {(200, 3)})


def test_process_killed_in_mid_write_leaves_a_whole_file(start: Start, tmp_path: Path) -> None:
    who = Administrator(tmp_path)
    file = written(tmp_path, {})
    router = start(**who.settings(file)).await_table()
    put: list[str] = []
    big = child(disabled=True, args=["x" * 60_000])

    def register() -> None:
        with suppress(OSError, http.client.HTTPException):
            for number in range(200):
                name = f"far-{number % 10}"
                status, _ = who.sent(
                    router,
                    "PUT",
                    f"/admin/servers/{name}",
                    {**big, "timeout": number + 1},
                    **(ANY if number > 9 else NEW),
                )
                assert status in (200, 201)
                put.append(name)

    writer = threading.Thread(target=register)
    writer.start()
    until(lambda: len(put) > 15)
    router.end(signal.SIGKILL)
    writer.join()
    entries = json.loads(Path(file).read_text())["mcpServers"]
    assert [*entries] == [f"far-{number}" for number in range(10)]
    assert {len(entry["args"][0]) for entry in entries.values()} == {60_000}
    router = start(**who.settings(file)).await_table()
    assert who.sent(router, "DELETE", "/admin/servers/far-0")[0] == 202
    assert [path.name for path in tmp_path.glob(".mcp.json.*")] == []
