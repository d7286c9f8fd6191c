"""Measures every target on one event loop, which is one column of the tables, in rounds of rotating order."""

import importlib.util
import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import upstreams
from benchmarks.features import settings, write_keys
from benchmarks.load import HERE, ON_SERVER_CORE, ON_WRK_CORE, Load, Process, WrongAnswerError
from benchmarks.targets import LEGACY, Target

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
UPSTREAM = "upstream"
"""The program that the routers and other proxies reach over HTTP."""


@dataclass(frozen=True, slots=True)
class Column:
    """One event loop, "asyncio" or "uvloop". uvicorn uses uvloop if it can import it, so the asyncio column hides it.

    `ports` are below the range from which the kernel assigns free ports: a server binds a second after its start.
    """

    loop: str
    folder: Path
    ports: Iterator[int]

    @property
    def environment(self) -> dict[str, str]:
        if self.loop == "uvloop":
            return {}
        hidden = self.folder / "hidden"
        hidden.mkdir(exist_ok=True)
        (hidden / "uvloop.py").write_text('raise ImportError("hidden: this column measures asyncio")\n')
        return {"PYTHONPATH": str(hidden)}

    def start(self, program: str) -> Process:
        port = next(port for port in self.ports if is_free(port))
        environment = self.environment
        log = self.folder / f"{program}-{port}.log"
        if program in upstreams.PEERS:
            return Process(upstreams.proxy_command(program, port, self.folder), port, environment, log)
        if program.startswith("ours"):
            command = ["app.py"]
            environment |= {"HOST": "127.0.0.1", "PORT": str(port), "MCP_SERVERS_DIR": str(HERE / "servers")}
            environment |= settings(program, self.folder)
        elif program == "front":
            command = ["-m", "benchmarks.front", str(port)]
        else:
            command = ["-m", "uvicorn", "--factory", f"benchmarks.controls:{program}", "--port", str(port)]
            command += ["--no-access-log", "--log-level", "warning"]
        core = ON_WRK_CORE if program == UPSTREAM else ON_SERVER_CORE
        return Process([sys.executable, *command], port, environment, log, core=core)

    @contextmanager
    def upstream(self) -> Iterator[None]:
        """Runs the instances of `UPSTREAM`, and writes the files of the routers that name them."""
        with ExitStack() as stack:
            processes = [stack.enter_context(self.start(UPSTREAM)) for _ in range(upstreams.INSTANCES)]
            for process in processes:
                process.wait_for_answer("/")
            upstreams.write_entries(self.folder, [f"http://127.0.0.1:{process.port}/mcp" for process in processes])
            yield

    def idle_memory(self) -> tuple[float, float]:
        """Returns the MiB of a router with one idle upstream, and of one with many."""
        found = []
        for program in upstreams.ROUTERS[1:]:
            with self.start(program) as process:
                process.wait_for_answer("/")
                upstreams.settle(process)
                found.append(process.resident())
        return found[0], found[1]

    def body(self, target: Target) -> Path:
        path = self.folder / f"{target.name}.body"
        path.write_bytes(target.body)
        return path

    def measure(self, targets: Sequence[Target], rounds: int) -> dict[str, list[Load]]:
        """Returns the rounds of each target by name. All servers run the whole time; one at a time is under load."""
        write_keys(self.folder)
        with ExitStack() as stack:
            if any(target.group == upstreams.GROUP for target in targets):
                stack.enter_context(self.upstream())
            running: dict[str, Process] = {}
            for program in sorted({target.program for target in targets}):
                process = running[program] = stack.enter_context(self.start(program))
                process.wait_for_answer("/")
                if program in upstreams.PEERS:
                    continue
                if program in upstreams.ROUTERS:
                    upstreams.settle(process)
                if process.has_loaded("uvloop") != (self.loop == "uvloop") or not process.has_loaded("httptools"):
                    raise WrongAnswerError(f"{program} does not run on {self.loop} and httptools")
            headers = {target.name: headers_for(target, running[target.program]) for target in targets}
            loads: dict[str, list[Load]] = {target.name: [] for target in targets}
            for turn in range(rounds):
                rotated = [*targets[turn:], *targets[:turn]]
                for target in rotated if turn % 2 == 0 else reversed(rotated):
                    process, name = running[target.program], target.name
                    check(target, process, headers[name])
                    loads[name].append(process.load(target.path, headers[name], self.body(target), target.connections))
                print(f"{self.loop}: round {turn + 1} of {rounds}", file=sys.stderr)
        return loads


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def has_uvloop() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def headers_for(target: Target, process: Process) -> Mapping[str, str]:
    """Returns the headers of a target. A target in a session gets a new session."""
    if not target.in_session:
        return target.headers
    opened = process.ask("POST", target.path, json.dumps(INITIALIZE).encode(), LEGACY)
    if opened.status != 200:
        raise WrongAnswerError(f"{target.name}: no session, {opened.status} {opened.body[:300]!r}")
    headers = LEGACY | {"mcp-session-id": opened.headers["mcp-session-id"]}
    process.ask("POST", target.path, json.dumps(INITIALIZED).encode(), headers)
    return headers


def check(target: Target, process: Process, headers: Mapping[str, str]) -> None:
    """Raises WrongAnswerError unless the target answers correctly."""
    answer = process.ask("POST", target.path, target.body.replace(b'"@id"', b"7"), headers)
    if answer.status != 200 or target.holds not in answer.body:
        raise WrongAnswerError(f"{target.name}: {answer.status} {answer.body[:300]!r}")
