"""Instances of one server as real processes, behind a real router under load."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.upstream.conftest import written
from tests.ports import free_port
from tests.process.live.router import Router
from tests.shipped import ROOT

MODULE = "tests.gateway.upstream.instances.instance_server"


class Instance:
    """One process, of a module that serves at a port. It keeps its port when it is started again."""

    def __init__(self, module: str = MODULE) -> None:
        self._module = module
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.process = self._started()

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> None:
        """Waits until it accepts connections."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def start(self) -> None:
        """Starts it again if it was killed."""
        if self.process.poll() is not None:
            self.process = self._started()
            self.ready()

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", self._module, str(self.port)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@dataclass(frozen=True)
class Call:
    """One call: when it began, and its answer."""

    began: float
    status: int
    body: Any


class Load:
    """Calls without a pause from `clients` clients, for as long as the block runs. `calls` are those that ended."""

    def __init__(self, router: Router, clients: int, tool: str = "pid", **arguments: Any) -> None:
        self.calls: list[Call] = []
        self._url = f"http://127.0.0.1:{router.port}/one/mcp/call"
        self._body = {"tool": tool, "arguments": arguments}
        self._clients = clients
        self._ends = False

    async def __aenter__(self) -> Load:
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._clients)]
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._ends = True
        await asyncio.gather(*self._tasks)

    async def _run(self) -> None:
        async with httpx2.AsyncClient(timeout=30) as http:
            while not self._ends:
                began = time.monotonic()
                answer = await http.post(self._url, json=self._body)
                self.calls.append(Call(began, answer.status_code, answer.json()))

    def pids(self, since: float = 0.0) -> Counter[int]:
        """Returns how many calls that began since then each process has answered."""
        return Counter(call.body["result"] for call in self.calls if call.status == 200 and call.began >= since)

    async def until(self, pid: int, within: float) -> float:
        """Waits until a process answers calls that begin from now on, and returns the seconds."""
        begun = time.monotonic()
        async with asyncio.timeout(within + 10):
            while not self.pids(begun)[pid]:
                await asyncio.sleep(0.02)
        return time.monotonic() - begun


@contextmanager
def routed(folder: Path, count: int = 3, **fields: Any) -> Iterator[tuple[Router, list[Instance]]]:
    """Starts the instances and a router, and waits until all are used."""
    instances = [Instance() for _ in range(count)]
    entry = {"instances": [instance.url for instance in instances], **fields}
    try:
        with Router(folder, MCP_SERVERS_FILE=written(folder, {"one": entry})) as router:
            for instance in instances:
                instance.ready()
            await_states(router.await_table(), ["ready"] * count, 60)
            yield router, instances
    finally:
        for instance in instances:
            instance.send(signal.SIGCONT)
            instance.kill()


def states(router: Router) -> list[str]:
    return [instance["state"] for instance in router.get("/one/mcp/health")["instances"]]


def await_states(router: Router, wanted: list[str], within: float = 10) -> None:
    ends = time.monotonic() + within
    while (found := states(router)) != wanted:
        assert time.monotonic() < ends, found
        time.sleep(0.02)
