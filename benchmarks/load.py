"""One server process, what it costs, and wrk against it."""

import ctypes
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

HERE = Path(__file__).parent
SCRIPT = HERE / "post.lua"
TRIES = 10  # of one round: on a busy machine a process may not get its core for half a second
CORES = sorted(os.sched_getaffinity(0))
ON_SERVER_CORE = ["taskset", "--cpu-list", str(CORES[0])]
ON_WRK_CORE = ["taskset", "--cpu-list", str(CORES[-1])]


class WrongAnswerError(Exception):
    """A target that does not do what is measured: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw in one round. `cpu` is the server's, in microseconds a request; p50 and p99 in milliseconds."""

    requests: int
    seconds: float
    cpu: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Process:
    """A server on its own core, from start to stop; its output goes to a file."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str], log: Path) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*ON_SERVER_CORE, *command], cwd=HERE.parent, env=os.environ | environment, stdout=output, stderr=output
            )
        clock = ctypes.c_int()
        ctypes.CDLL(None).clock_getcpuclockid(self._process.pid, ctypes.byref(clock))
        self._clock = clock.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_for_answer(self, path: str, worst: int = 499) -> None:
        """Return when GET `path` first answers with a status up to `worst`, within a minute."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self.ask("GET", path).status <= worst:
                    return
            except OSError:
                time.sleep(0.002)
        raise WrongAnswerError(f"{self._log.stem} does not answer {path}:\n{self._log.read_text()[-2000:]}")

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def cpu_seconds(self) -> float:
        """All its threads, user and system (clock_getcpuclockid(3): the same sum as /proc/PID/stat, in nanoseconds)."""
        return time.clock_gettime(self._clock)

    def resident(self) -> float:
        """MiB in memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def has_loaded(self, library: str) -> bool:
        return f"/{library}/" in Path(f"/proc/{self._process.pid}/maps").read_text()

    def load(self, path: str, headers: Mapping[str, str], body: Path, connections: int, seconds: float = 0.5) -> Load:
        """Let wrk post `body` to `path` for so long; every answer must be a success."""
        url = f"http://127.0.0.1:{self.port}{path}"
        command = [*ON_WRK_CORE, "wrk", "-t1", f"-c{connections}", "-d60", "--timeout=30", "-s", str(SCRIPT), url]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        for _ in range(TRIES):
            before = self.cpu_seconds()
            seen = wrk(command, body, seconds)
            spent = self.cpu_seconds() - before
            if failures := seen.pop("failures"):
                raise WrongAnswerError(f"{path}: {failures} of {seen['requests']} requests failed")
            if seen["requests"]:
                return Load(cpu=spent / seen["requests"] * 1e6, **seen)
        raise WrongAnswerError(f"{path}: no answer in {TRIES} rounds")


def wrk(command: Sequence[str], body: Path, seconds: float) -> dict[str, Any]:
    """What post.lua prints. A signal ends it, for wrk's own durations are whole seconds."""
    with subprocess.Popen(command, env=os.environ | {"BODY": str(body)}, stdout=subprocess.PIPE) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    if not output:  # it was ended before it had begun
        return {"requests": 0, "failures": 0}
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    return seen
