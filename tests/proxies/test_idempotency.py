"""HAProxy that sends POSTs with a key again, in front of three replicas of which one is killed under load."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.process.live.router import Router
from tests.proxies.proxy import DEPLOY
from tests.redis.redis import RedisServer

pytestmark = pytest.mark.proxies
CLIENTS = 12
TOOLS = ("writes_first", "writes_last", "sets")
WORDS = ("retry-on ", "option http-buffer-request", "option redispatch", "http-request disable-l7-retry")
FILE = """
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 75s
frontend front
    bind 127.0.0.1:{port}
    default_backend routers
backend routers
    balance roundrobin
    {retries}
    server one 127.0.0.1:{ports[0]}
    server two 127.0.0.1:{ports[1]}
    server three 127.0.0.1:{ports[2]}
"""


def retries() -> str:
    """Returns the lines about retries in our file, which are comments there."""
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    comments = [line.strip().removeprefix("# ") for line in text.splitlines() if line.strip().startswith("# ")]
    found = [line for line in comments if line.startswith(WORDS)]
    assert len(found) == len(WORDS)
    return "\n    ".join(found)


def await_port(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    pytest.fail("HAProxy accepts no connections")


class Client(threading.Thread):
    """Calls a tool again and again, each time with a new key, until it is told to stop."""

    def __init__(self, number: int, port: int, file: Path) -> None:
        super().__init__()
        self.tool = TOOLS[number % len(TOOLS)]
        self.name = f"{self.tool}{number}"
        self.answers: dict[str, Any] = {}
        self.stops = threading.Event()
        self._port = port
        self._file = file

    def run(self) -> None:
        while not self.stops.is_set():
            line = f"{self.name}-{len(self.answers)}"
            try:
                self.answers[line] = self._call(line)
            except (OSError, http.client.HTTPException, ValueError) as exc:
                self.answers[line] = repr(exc)

    def _call(self, line: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        body = json.dumps({"tool": self.tool, "arguments": {"file": str(self._file), "line": line}})
        headers = {"content-type": "application/json", "idempotency-key": line, "host": "localhost"}
        try:
            connection.request("POST", "/written/mcp/call", body, headers)
            answer = connection.getresponse().read()
            return json.loads(answer) if answer.startswith(b"{") else answer.decode()
        finally:
            connection.close()


def test_each_call_with_a_key_is_answered_and_runs_once_unless_it_was_running_when_its_replica_died(
    tmp_path: Path,
) -> None:
    port, file = free_port(), tmp_path / "written"
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        settings = {"REDIS_URL": redis.url, "MCP_SERVERS_DIR": str(Path(__file__).parent / "servers")}
        settings["MCP_STATELESS"] = "1"
        routers: list[Router] = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            routers.append(stack.enter_context(Router(tmp_path / name, **settings)))
        ports = [router.await_table().port for router in routers]
        (tmp_path / "haproxy.cfg").write_text(FILE.format(port=port, ports=ports, retries=retries()))
        haproxy = stack.enter_context(subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", tmp_path / "haproxy.cfg"]))
        stack.callback(haproxy.terminate)
        await_port(port)
        clients = [Client(number, port, file) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            time.sleep(1.5)
            routers[1].process.kill()
            time.sleep(1.5)
        finally:
            for client in clients:
                client.stops.set()
                client.join()
    check(clients, Counter(file.read_text().split()))


def check(clients: list[Client], runs: Counter[str]) -> None:
    """Checks that nothing ran twice or was lost, but for what the killed replica was running.

    Nobody knows the outcome of that: the client learns just this, and it never runs again. It does if the tool says
    that a second run does no harm.
    """
    answers = {line: answer for client in clients for line, answer in client.answers.items()}
    interrupted = {line: answer for line, answer in answers.items() if answer != {"result": line}}
    lost = [answer for answer in interrupted.values() if not isinstance(answer, dict)]
    assert lost == []
    assert {(answer["status"], answer.get("outcome")) for answer in interrupted.values()} <= {(410, "unknown")}
    assert not [line for line in interrupted if line.startswith("sets")]
    assert {count for line, count in runs.items() if not line.startswith("sets")} == {1}
    assert answers.keys() - runs.keys() <= interrupted.keys()
    assert (len(answers) > 200, len(interrupted) <= CLIENTS) == (True, True)
    not_run, twice = len(answers.keys() - runs.keys()), sum(count > 1 for count in runs.values())
    print(
        f"{len(answers)} calls, {len(interrupted)} interrupted, {not_run} of them not run, {twice} idempotent run twice"
    )
