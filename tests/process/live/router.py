"""The router as a child process, and plain HTTP connections to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests import wire
from tests.shipped import shipped

ROOT = Path(__file__).resolve().parents[3]
SERVERS = Path(__file__).resolve().parent / "servers"
QUIET = 0.15


class Router:
    """`python app.py` on a free port. `table` has the lines printed at its start, and log() its log."""

    python = sys.executable

    def __init__(self, folder: Path, *command: str, **settings: str) -> None:
        self._log = folder / "stderr"
        defaults = {"PORT": "0", "MCP_SERVERS_DIR": f"{shipped()}:{SERVERS}", "PATH": os.environ["PATH"]}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.python, *(command or ("app.py",))],
                cwd=ROOT,
                env={**defaults, **settings},
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
            )
        assert self.process.stdout is not None
        self._printed: IO[str] = self.process.stdout
        self.table: list[str] = []
        self.port = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # its workers too, which would outlive it
        self.process.wait()
        self._printed.close()

    def await_table(self) -> Self:
        """Waits until the table is printed. From then on connections are accepted. `port` is 0 on a Unix socket."""
        while not self.table or not self.table[-1].startswith("All of them: "):
            line = self._printed.readline()
            assert line, self.log()
            self.table.append(line.rstrip("\n"))
        port = self.table[-1].split("/mcp")[0].rpartition(":")[2]
        self.port = int(port) if port.isdigit() else 0
        return self

    def await_answer(self, port: int) -> None:
        """Waits until the router answers, for commands that print no table."""
        self.port = port
        for _ in range(300):
            with suppress(ConnectionRefusedError):
                self.get("/health")
                return
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)

    def await_workers(self, count: int) -> Self:
        """Waits until `count` processes have answered. A shutdown would wait for a worker that is still starting."""
        if not self.table:
            self.await_table()
        seen: set[int] = set()
        for _ in range(3000):
            seen.add(self.call("slow", "pid")[1]["result"])
            if len(seen) == count:
                break
            time.sleep(0.01)
        assert len(seen) == count, self.log()
        return self

    def log(self) -> str:
        """Returns the log, once it has not grown for `QUIET` seconds: a thread writes it, after the answers are sent.

        A log that always grows is returned after 2 seconds.
        """
        size, until = -1, time.monotonic() + 2
        while self.process.poll() is None and size != (size := self._log.stat().st_size) and time.monotonic() < until:
            time.sleep(QUIET)
        return self._log.read_text()

    def await_log(self, text: str) -> str:
        """Waits until the log has `text`, and returns the log."""
        for _ in range(1500):
            if text in self._log.read_text():
                return self.log()
            time.sleep(0.02)
        raise AssertionError(self.log())

    def complaints(self) -> list[str]:
        """Returns the lines of the log that are not at the level `info`."""
        return [line for line in self.log().splitlines() if "Z info    " not in line]

    def events(self) -> list[dict[str, Any]]:
        """Returns the lines of a JSON log. Each of them must be JSON."""
        return [json.loads(line) for line in self.log().split("\n")[:-1]]

    def printed(self) -> str:
        """Returns the standard output after the table. The process must have ended."""
        return self._printed.read()

    def end(self, number: signal.Signals = signal.SIGTERM, within: float = 30) -> float:
        """Sends the signal, and returns the seconds until the process has ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=within)
        return time.monotonic() - started

    def finished(self, within: float = 30) -> int:
        """Waits until the process ends, and returns its exit code."""
        return self.process.wait(timeout=within)

    def memory(self) -> int:
        """Returns the resident memory in KiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def open_files(self) -> int:
        """Returns the number of open files, sockets included."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connection(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path: str) -> Any:
        with self.sent("GET", path) as answer:
            return json.loads(answer.read())

    def call(self, server: str, tool: str, **arguments: Any) -> tuple[int, Any]:
        """Makes a call in plain JSON, and returns its status and its document."""
        with self.calling(server, tool, **arguments) as connection:
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    @contextmanager
    def calling(self, server: str, tool: str, **arguments: Any) -> Iterator[http.client.HTTPConnection]:
        """Sends a call in plain JSON. The response is not read."""
        connection = self.connection()
        body = json.dumps({"tool": tool, "arguments": arguments})
        try:
            connection.request("POST", f"/{server}/mcp/call", body, {"content-type": "application/json"})
            yield connection
        finally:
            connection.close()

    @contextmanager
    def sent(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, message: Any = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Sends a request, and gives the response as soon as it has begun. Its body may still stream."""
        connection = self.connection()
        body = None if message is None else json.dumps(message)
        try:
            connection.request(method, path, body, dict(headers or {}))
            yield connection.getresponse()
        finally:
            connection.close()

    def session(self, server: str) -> str:
        """Opens a legacy session, and returns its id."""
        with self.sent("POST", f"/{server}/mcp", wire.BOTH_TYPES, wire.INITIALIZE) as answer:
            answer.read()
            session: str = answer.headers["mcp-session-id"]
        with self.sent("POST", f"/{server}/mcp", wire.in_session(session), wire.INITIALIZED) as answer:
            assert answer.status == 202
        return session
