"""A process whose standard error or standard output takes nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process

GRACE = 3
LONG_ID = "x" * 128
CALL = b'{"tool": "echo", "arguments": {"message": "a"}}'
RUN = "import os, runpy; {}; runpy.run_path('app.py', run_name='__main__')"


class UnreadRouter(Router):
    """A router whose standard error is a pipe that is read only when the test does so."""

    def __init__(self, folder: Path, **settings: str) -> None:
        os.mkfifo(folder / "stderr")
        self._pipe = os.open(folder / "stderr", os.O_RDONLY | os.O_NONBLOCK)
        super().__init__(folder, MCP_SHUTDOWN_GRACE=str(GRACE), **settings)
        os.set_blocking(self._pipe, True)

    def answered(self, count: int) -> int:
        """Makes calls that are logged in long lines, and returns how many were answered with a result."""
        headers = {"content-type": "application/json", "x-request-id": LONG_ID}
        connection, answered = self.connection(), 0
        for _ in range(count):
            connection.request("POST", "/echo/mcp/call", CALL, headers)
            answered += connection.getresponse().read() == b'{"result":"a"}'
        connection.close()
        return answered

    @contextmanager
    def reading(self) -> Iterator[list[bytes]]:
        """Reads the pipe in a thread, into the list, until the process has ended."""
        pieces: list[bytes] = []

        def read() -> None:
            while piece := os.read(self._pipe, 1 << 16):
                pieces.append(piece)

        thread = threading.Thread(target=read)
        thread.start()
        yield pieces
        thread.join()

    def close(self) -> None:
        os.close(self._pipe)


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[UnreadRouter]:
    with UnreadRouter(tmp_path, SERVERS="echo") as router:
        yield router.await_table()
    router.close()


def test_calls_are_answered_while_nobody_reads_the_log_and_it_says_how_many_lines_it_lost(unread: UnreadRouter) -> None:
    assert unread.answered(5000) == 5000
    assert unread.get("/health")["status"] == "ok"
    with unread.reading() as pieces:
        while b" lines dropped" not in b"".join(pieces[-2:]):
            assert unread.answered(1) == 1
        assert unread.end() < GRACE
    lines = b"".join(pieces).decode().splitlines()
    (said,) = [line for line in lines if "lines dropped" in line]
    dropped = int(said.split("log: ")[1].split()[0])
    assert " error   log: " in said
    assert dropped > 100
    written = [line for line in lines if " call request_id=" in line]
    assert all(line.count("request_id=") == 1 and " ms=" in line for line in written)
    assert lines[-1].split()[2] == "stopped"


def test_process_ends_within_the_grace_while_nobody_reads_its_log(unread: UnreadRouter) -> None:
    assert unread.answered(6000) == 6000
    assert unread.end() < GRACE


@pytest.mark.parametrize(
    "lost",
    [
        "[os.dup2(os.open('/dev/full', os.O_WRONLY), number) for number in (1, 2)]",
        "[os.close(number) for number in (1, 2)]",
    ],
    ids=["full disk", "closed"],
)
def test_process_serves_without_output(start: Start, lost: str) -> None:
    port = free_port()
    router = start("-c", RUN.format(lost), PORT=str(port), SERVERS="echo")
    router.await_answer(port)
    assert router.call("echo", "echo", message="a") == (200, {"result": "a"})
    assert router.end() < GRACE
