"""Replicas behind nginx that are restarted one after the other, while clients call tools: no request is lost."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.live.router import Router

pytestmark = pytest.mark.proxies

CLIENTS = 8
RESTARTS = 10
"""Of the three replicas of a group, one after the other."""

DELAY = "1"
DEFAULTS = "proxy_pass http://replicas;"
KEPT = f'{DEFAULTS} proxy_http_version 1.1; proxy_set_header Connection "";'
FILE = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream replicas {{ {servers} {upstream} }}
  server {{ listen 127.0.0.1:{port}; location / {{ {location} proxy_set_header Host localhost; }} }}
}}
"""
"""Its time-outs, and how it finds out that a replica is away, are nginx's defaults."""


class Replicas:
    """Routers, each with a port of its own for all of its lives."""

    def __init__(self, folder: Path, stack: ExitStack, count: int = 2) -> None:
        self.ports = [free_port() for _ in range(count)]
        self._folder = folder
        self._stack = stack
        self._routers = [self._started(number) for number in range(count)]

    def _started(self, number: int) -> Router:
        folder = self._folder / f"router-{number}-{time.monotonic_ns()}"
        folder.mkdir()
        settings = {"PORT": str(self.ports[number]), "MCP_DRAIN_DELAY": DELAY}
        return self._stack.enter_context(Router(folder, **settings)).await_table()

    def restart(self, number: int) -> int:
        """Returns the process id of the new router."""
        self._routers[number].end()
        assert self._routers[number].complaints() == []
        self._routers[number] = self._started(number)
        return self._routers[number].process.pid


class Clients(threading.Thread):
    """One client that calls a tool again and again, on a connection that it keeps, until it is told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.answers: Counter[object] = Counter()
        self.stops = threading.Event()
        self._port = port

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self.stops.is_set():
            try:
                self.answers[call(connection, "math", "add", a=1, b=2)] += 1
            except (OSError, http.client.HTTPException) as exc:
                self.answers[repr(exc)] += 1
                connection.close()
        connection.close()


def call(connection: http.client.HTTPConnection, server: str, tool: str, **arguments: int) -> tuple[int, str]:
    body = json.dumps({"tool": tool, "arguments": arguments})
    connection.request("POST", f"/{server}/mcp/call", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def await_replica(port: int, pid: int) -> None:
    """Waits until nginx hands requests to this process again, which is after ten seconds by default."""
    connection, until = http.client.HTTPConnection("127.0.0.1", port, timeout=30), time.monotonic() + 40
    while call(connection, "slow", "pid") != (200, f'{{"result":{pid}}}'):
        assert time.monotonic() < until
        time.sleep(0.02)
    connection.close()


def nginx_in_front(
    folder: Path, stack: ExitStack, ports: Sequence[int], upstream: str = "", location: str = DEFAULTS
) -> int:
    """Starts nginx, and returns its port."""
    port, file = free_port(), folder / "nginx.conf"
    servers = " ".join(f"server 127.0.0.1:{each};" for each in ports)
    file.write_text(FILE.format(folder=folder, servers=servers, port=port, upstream=upstream, location=location))
    command = ["/usr/sbin/nginx", "-c", str(file), "-e", str(folder / "error.log")]
    nginx = stack.enter_context(subprocess.Popen(command))
    stack.callback(nginx.terminate)
    while not (folder / "pid").exists():
        time.sleep(0.01)
    return port


def calling(port: int, roll: Callable[[], None], count: int = CLIENTS) -> Counter[object]:
    """Returns the answers of clients that call a tool while `roll` runs."""
    clients = [Clients(port) for _ in range(count)]
    for client in clients:
        client.start()
    try:
        roll()
    finally:
        for client in clients:
            client.stops.set()
            client.join()
    return sum((client.answers for client in clients), Counter[object]())


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(("upstream", "location"), [("", DEFAULTS), ("keepalive 16;", KEPT)], ids=["defaults", "kept"])
def test_no_request_is_lost_in_a_rolling_restart(
    tmp_path: Path, stack: ExitStack, upstream: str, location: str
) -> None:
    replicas = Replicas(tmp_path, stack)
    port = nginx_in_front(tmp_path, stack, replicas.ports, upstream, location)

    def roll() -> None:
        for number in (0, 1):
            await_replica(port, replicas.restart(number))

    answers = calling(port, roll)
    assert set(answers) == {(200, '{"result":3}')}, answers
    assert answers.total() > 1000
    print(answers)


def test_no_request_is_lost_while_three_replicas_are_rolled_again_and_again(tmp_path: Path, stack: ExitStack) -> None:
    """Rolls two groups beside each other: nginx leaves a replica that refused a connection alone for ten seconds."""

    def rolled(name: str) -> Counter[object]:
        folder = tmp_path / name
        folder.mkdir()
        replicas = Replicas(folder, stack, 3)
        port = nginx_in_front(folder, stack, replicas.ports)

        def roll() -> None:
            before = 0
            for number in range(RESTARTS):
                pid = replicas.restart(number % 3)
                if before:  # of three replicas, nginx must use one while another one is away
                    await_replica(port, before)
                before = pid

        return calling(port, roll, 3)

    with ThreadPoolExecutor(2) as pool:
        answers = sum(pool.map(rolled, ("one", "two")), Counter[object]())
    assert set(answers) == {(200, '{"result":3}')}, answers
    assert answers.total() > 1000
    print(answers)
