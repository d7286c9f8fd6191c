"""Replicas behind nginx that are restarted one after the other, while clients call tools: no request is lost."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.live.router import Router

pytestmark = pytest.mark.proxies

CLIENTS = 8
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
  upstream replicas {{ server 127.0.0.1:{ports[0]}; server 127.0.0.1:{ports[1]}; {upstream} }}
  server {{ listen 127.0.0.1:{port}; location / {{ {location} proxy_set_header Host localhost; }} }}
}}
"""
"""Its time-outs, and how it finds out that a replica is away, are nginx's defaults."""


class Replicas:
    """Two routers, each with a port of its own for all of its lives."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ports = [free_port(), free_port()]
        self._folder = folder
        self._stack = stack
        self._routers = [self._started(number) for number in (0, 1)]

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


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(("upstream", "location"), [("", DEFAULTS), ("keepalive 16;", KEPT)], ids=["defaults", "kept"])
def test_no_request_is_lost_in_a_rolling_restart(
    tmp_path: Path, stack: ExitStack, upstream: str, location: str
) -> None:
    replicas, port = Replicas(tmp_path, stack), free_port()
    file = tmp_path / "nginx.conf"
    text = FILE.format(folder=tmp_path, ports=replicas.ports, port=port, upstream=upstream, location=location)
    file.write_text(text)
    nginx = stack.enter_context(subprocess.Popen(["nginx", "-c", str(file), "-e", str(tmp_path / "error.log")]))
    stack.callback(nginx.terminate)
    while not (tmp_path / "pid").exists():
        time.sleep(0.01)
    clients = [Clients(port) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for number in (0, 1):
            await_replica(port, replicas.restart(number))
    finally:
        for client in clients:
            client.stops.set()
            client.join()
    answers = sum((client.answers for client in clients), Counter[object]())
    assert set(answers) == {(200, '{"result":3}')}, answers
    assert answers.total() > 1000
    print(answers)
