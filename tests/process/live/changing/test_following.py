"""A router with `MCP_FOLLOW=1` under load, while its files change."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
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
    """Calls that follow each other on one connection, in a thread. `answers` are their statuses and results."""

    def __init__(self, router: Router, server: str, tool: str, **arguments: Any) -> None:
        self.answers: list[tuple[int, Any]] = []
        self._router = router
        self._path = f"/{server}/mcp/call"
        self._body = json.dumps({"tool": tool, "arguments": arguments})
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        connection = self._router.connection()
        while not self._ends.wait(0.015):
            connection.request("POST", self._path, self._body, {"content-type": "application/json"})
            answer = connection.getresponse()
            self.answers.append((answer.status, json.loads(answer.read()).get("result")))
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


def in_session(router: Router, session: str) -> int:
    headers = wire.in_session(session)
    with router.sent("POST", "/kept/mcp", headers, wire.request("tools/list")) as answer:
        answer.read()
        return answer.status


def test_twenty_changes_under_load_lose_no_call_and_no_session(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    (folder / "kept_server.py").write_text(SAYS.format(number=0))
    (folder / "changed_server.py").write_text(SAYS.format(number=0))
    file = written(tmp_path, {"far": entry(), "varied": entry()})
    router = start(MCP_SERVERS_DIR=str(folder), MCP_SERVERS_FILE=file, MCP_FOLLOW="1", LOG_LEVEL="info").await_table()
    until(router, lambda: router.call("varied", "add_tool", a=1, b=2)[0] == 200)
    session = router.session("kept")
    loads = [
        Load(router, "kept", "say"),
        Load(router, "changed", "say"),
        Load(router, "far", "add_tool", a=1, b=2),
        Load(router, "varied", "add_tool", a=1, b=2),
    ]
    with ExitStack() as stack:
        for load in loads:
            stack.enter_context(load)
        for number in range(1, ROUNDS + 1):
            if number % 4 == 0:
                (folder / "changed_server.py").write_text("broken(")
                until(router, lambda: "SyntaxError" in router.await_log("SyntaxError"))
            (folder / "changed_server.py").write_text(SAYS.format(number=number))
            entries = {"far": entry(), "varied": entry(tools={"describe": {"add_tool": f"Adds, {number}."}})}
            written(tmp_path, entries | ({"more": entry()} if number % 2 else {}))
            until(router, lambda: router.call("changed", "say")[1].get("result") == number)  # noqa: B023
            until(router, lambda: f"Adds, {number}." in str(router.get("/varied/mcp/tools")))  # noqa: B023
            until(router, lambda: (router.call("more", "add_tool", a=1, b=2)[0] == 200) == (number % 2 == 1))  # noqa: B023
    kept, changed, far, varied = (load.answers for load in loads)
    assert Counter(kept) == {(200, 0): len(kept)}
    assert Counter(far) == {(200, 3): len(far)}
    assert Counter(varied) == {(200, 3): len(varied)}
    assert {status for status, _ in changed} == {200}
    said = [number for _, number in changed]
    assert said == sorted(said)
    assert len(set(said)) > ROUNDS / 2
    assert min(map(len, (kept, changed, far, varied))) > 5 * ROUNDS
    assert in_session(router, session) == http.client.OK
    assert not [line for line in router.log().splitlines() if "Traceback" in line]
