"""A server process, its CPU time and memory, and the load from wrk."""

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
TRIES = 10  # of one round: on a busy machine a process may wait half a second for its core
CORES = sorted(os.sched_getaffinity(0))
ON_SERVER_CORE = ["taskset", "--cpu-list", str(CORES[0])]
ON_WRK_CORE = ["taskset", "--cpu-list", str(CORES[-1])]


class WrongAnswerError(Exception):
    """A target gave a wrong answer, so its figures would be meaningless."""


@dataclass(frozen=True, slots=True)
class Load:
    """One round. `cpu` is the server's CPU time in microseconds per request; p50 and p99 are in milliseconds."""

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
    """A server process on its own core. Its output goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        environment: Mapping[str, str],
        log: Path,
        *,
        core: Sequence[str] = ON_SERVER_CORE,
    ) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*core, *command], cwd=HERE.parent, env=os.environ | environment, stdout=output, stderr=output
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
        """Waits up to a minute until GET `path` answers with a status of at most `worst`."""
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
        """Returns user and system time of all threads. clock_getcpuclockid(3) is finer than /proc/PID/stat."""
        return time.clock_gettime(self._clock)

    def resident(self) -> float:
        """Returns the resident memory in MiB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def has_loaded(self, library: str) -> bool:
        return f"/{library}/" in Path(f"/proc/{self._process.pid}/maps").read_text()

    def load(self, path: str, headers: Mapping[str, str], body: Path, connections: int, seconds: float = 0.5) -> Load:
        """Posts `body` to `path` with wrk for `seconds`. Raises WrongAnswerError if a request fails."""
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
    """Returns the output of post.lua. A signal ends wrk, because its own durations are whole seconds."""
    with subprocess.Popen(command, env=os.environ | {"BODY": str(body)}, stdout=subprocess.PIPE) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    if not output:  # wrk ended before it started to send
        return {"requests": 0, "failures": 0}
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    return seen
