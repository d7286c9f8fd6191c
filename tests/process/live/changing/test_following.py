"""A router with `MCP_FOLLOW=1` under load, while its files change."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests import wire
from tests.gateway.upstream.conftest import entry, written
from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process

ROUNDS = 20
SAYS = """
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("server")


@mcp.tool()
async def say() -> int:
    return {number}
"""


class Load:
    """Requests that follow each other on one connection, in a thread. `answers` are their statuses and results."""

    def __init__(self, router: Router, path: str, headers: Mapping[str, str], body: Any) -> None:
        self.answers: list[tuple[int, Any]] = []
        self._router = router
        self._request = ("POST", path, json.dumps(body), dict(headers))
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        connection = self._router.connection()
        while not self._ends.wait(0.005):
            connection.request(*self._request)
            answer = connection.getresponse()
            self.answers.append((answer.status, result_of(answer.read().decode())))
        connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()


def until(router: Router, said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not said():
        assert time.monotonic() < deadline, router.log()
        time.sleep(0.02)


def result_of(text: str) -> Any:
    """Returns the result of a call in plain JSON, or that of a native one."""
    if text.startswith("{"):
        return json.loads(text).get("result")
    return wire.messages(text)[-1]["result"]["structuredContent"]["result"]


def over_json(router: Router, server: str, tool: str, **arguments: Any) -> Load:
    body = {"tool": tool, "arguments": arguments}
    return Load(router, f"/{server}/mcp/call", {"content-type": "application/json"}, body)


def in_session(router: Router, server: str, tool: str, **arguments: Any) -> Load:
    """Returns calls in a session, which is opened now."""
    headers = wire.in_session(router.session(server))
    return Load(router, f"/{server}/mcp", headers, wire.request("tools/call", name=tool, arguments=arguments))


def status(router: Router, server: str) -> str:
    word: str = router.get(f"/{server}/mcp/health").get("status", "gone")
    return word


def change(router: Router, folder: Path, number: int) -> None:
    """Breaks both files now and then, and changes, adds or removes a server each."""
    module = folder / "servers" / "changed_server.py"
    if number % 4 == 0:
        module.write_text("broken(")
        (folder / "mcp.json").write_text("{")
        until(router, lambda: status(router, "varied") == "stale")
        module.write_text("broken(")
        written(folder, {"far": entry(), "varied": entry("exit")})
        until(router, lambda: "a key is missing" in router.get("/varied/mcp/health").get("reason", ""))
        until(router, lambda: "SyntaxError" in router.get("/changed/mcp/health").get("reason", ""))
    module.write_text(SAYS.format(number=number))
    entries = {"far": entry(), "varied": entry(tools={"describe": {"add_tool": f"Adds, {number}."}})}
    written(folder, entries | ({"more": entry()} if number % 2 else {}))
    until(router, lambda: router.call("changed", "say")[1].get("result") == number)
    until(router, lambda: f"Adds, {number}." in str(router.get("/varied/mcp/tools")))
    until(router, lambda: (router.call("more", "add_tool", a=1, b=2)[0] == 200) == (number % 2 == 1))
    assert status(router, "varied") == "ok"


def test_twenty_changes_under_load_lose_no_call_and_no_session(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    for name in ("kept", "changed"):
        (folder / f"{name}_server.py").write_text(SAYS.format(number=0))
    file = written(tmp_path, {"far": entry(), "varied": entry()})
    router = start(MCP_SERVERS_DIR=str(folder), MCP_SERVERS_FILE=file, MCP_FOLLOW="1", LOG_LEVEL="info").await_table()
    until(router, lambda: router.call("varied", "add_tool", a=1, b=2)[0] == 200)
    same = [over_json(router, "kept", "say"), in_session(router, "kept", "say")]
    added = [make(router, name, "add_tool", a=1, b=2) for name in ("far", "varied") for make in (over_json, in_session)]
    changed = [over_json(router, "changed", "say"), in_session(router, "changed", "say")]
    with ExitStack() as stack:
        for load in (*same, *added, *changed):
            stack.enter_context(load)
        began = time.monotonic()
        for number in range(1, ROUNDS + 1):
            change(router, tmp_path, number)
        seconds = time.monotonic() - began
    for loads, result in ((same, 0), (added, 3)):
        assert [Counter(load.answers) for load in loads] == [{(200, result): len(load.answers)} for load in loads]
    for load in changed:
        assert {code for code, _ in load.answers} == {200}
        said = [number for _, number in load.answers]
        assert said == sorted(said)
        assert len(set(said)) > ROUNDS / 2
    assert min(len(load.answers) for load in (*same, *added, *changed)) > 5 * ROUNDS
    print(f"{sum(len(load.answers) for load in (*same, *added, *changed)) / seconds:.0f} calls a second")
    assert not [line for line in router.log().splitlines() if "Traceback" in line]


GATED = """
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("gated")


@mcp.tool()
async def wait(gate: str) -> int:
    Path(gate + ".begun").touch()
    while not await anyio.Path(gate).exists():
        await anyio.sleep(0.01)
    return {number}


@mcp.tool()
async def say() -> int:
    return {number}
"""


def test_call_in_flight_ends_in_the_old_code_of_a_module_and_a_broken_one_changes_nothing(
    start: Start, tmp_path: Path
) -> None:
    module, gate = tmp_path / "gated_server.py", tmp_path / "gate"
    module.write_text(GATED.format(number=1))
    router = start(MCP_SERVERS_DIR=str(tmp_path), MCP_FOLLOW="1").await_table()
    with router.calling("gated", "wait", gate=str(gate)) as calling:
        until(router, Path(f"{gate}.begun").exists)
        module.write_text(GATED.format(number=2))
        until(router, lambda: router.call("gated", "say") == (200, {"result": 2}))
        module.write_text("broken(")
        until(router, lambda: status(router, "gated") == "stale")
        assert "gated_server.py:1: SyntaxError" in router.get("/gated/mcp/health")["reason"]
        assert router.call("gated", "say") == (200, {"result": 2})
        gate.touch()
        answer = calling.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"result": 1})
    module.write_text(GATED.format(number=3))
    until(router, lambda: router.call("gated", "say") == (200, {"result": 3}))
    assert status(router, "gated") == "ok"
