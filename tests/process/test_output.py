"""Output through a thread: nothing blocks, the order is kept, and what is dropped is counted."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from process.output import MAX_WAITING_BYTES, MAX_WAITING_PIECES, QueuedOutput, drain, never_block

LINE = b"x" * 99 + b"\n"


class Pipe:
    """A pipe that is read only when the test does so."""

    def __init__(self) -> None:
        self.readable, self.writable = os.pipe()
        os.set_blocking(self.readable, False)
        self.output = QueuedOutput(self.writable, "log")

    def read(self) -> bytes:
        """Returns all that is in the pipe now."""
        found = b""
        try:
            while piece := os.read(self.readable, 1 << 20):
                found += piece
        except BlockingIOError:
            pass
        return found

    def read_until(self, end: bytes) -> bytes:
        found, until = b"", time.monotonic() + 10
        while not found.endswith(end):
            assert time.monotonic() < until, found[-200:]
            found += self.read()
            time.sleep(0.001)
        return found

    def read_until_said(self, caplog: pytest.LogCaptureFixture) -> bytes:
        """Reads until the log says that lines were dropped."""
        found = b""
        while not caplog.messages:
            found += self.read()
            time.sleep(0.001)
        return found + self.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.output.drain(5)
    for number in (made.readable, made.writable):
        os.close(number)


def fill(pipe: Pipe) -> int:
    """Writes more than the queue and the pipe hold, and returns the number of lines."""
    count = (MAX_WAITING_BYTES + 2_000_000) // len(LINE)
    for _ in range(count):
        pipe.output.write(LINE)
    return count


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    lines = b"".join(b"%d\n" % number for number in range(500))
    for line in lines.splitlines(keepends=True):
        pipe.output.write(line)
    pipe.output.drain(5)
    assert pipe.read() == lines


def test_writing_to_a_full_pipe_drops_lines_and_the_log_says_how_many(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    count = fill(pipe)
    pipe.output.write(b"dropped too\n")
    found = pipe.read_until_said(caplog)
    assert found == LINE * (len(found) // len(LINE))
    assert len(found) >= min(MAX_WAITING_BYTES, MAX_WAITING_PIECES * len(LINE))
    assert caplog.messages == [f"log: {count + 1 - len(found) // len(LINE)} lines dropped"]
    pipe.output.write(b"written again\n")
    assert pipe.read_until(b"written again\n") == b"written again\n"


def test_line_that_is_written_in_pieces_does_not_run_into_the_next(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_WAITING_PIECES * 2):
        for piece in (LINE[:-1], b"\n"):  # as `print` does
            pipe.output.write(piece)
    found = pipe.read_until_said(caplog)
    assert found.endswith(LINE)


def test_number_of_waiting_pieces_is_bounded(pipe: Pipe, caplog: pytest.LogCaptureFixture) -> None:
    pipe.output.write(b"x" * 100_000 + b"\n")  # more than the pipe takes
    for _ in range(MAX_WAITING_PIECES + 10):
        pipe.output.write(b"\n")
    pipe.read_until_said(caplog)
    dropped = int(caplog.messages[0].split()[1])
    assert 10 <= dropped <= 11


def test_one_piece_larger_than_the_queue_is_written(pipe: Pipe) -> None:
    piece = b"x" * (2 * MAX_WAITING_BYTES) + b"\n"
    pipe.output.write(piece)
    assert pipe.read_until(b"\n") == piece


def test_lines_of_two_writers_do_not_mix() -> None:
    """Several workers write to one pipe."""
    pipe = Pipe()
    other = QueuedOutput(pipe.writable, "log")
    for _ in range(40):
        pipe.output.write(b"a" * 99 + b"\n" + b"a" * 2999 + b"\n")
        other.write((b"b" * 1999 + b"\n") * 10)
    found = b""
    while len(found) < 40 * (3100 + 20_000):
        found += pipe.read()
        time.sleep(0.0001)
    assert {len(set(line)) for line in found.splitlines()} == {1}


def test_waiting_for_a_full_pipe_is_bounded_and_happens_once(pipe: Pipe) -> None:
    fill(pipe)
    started = time.monotonic()
    pipe.output.drain(0.2)
    pipe.output.drain(60)
    assert 0.2 <= time.monotonic() - started < 5
    while pipe.read():
        time.sleep(0.01)


@pytest.mark.parametrize("target", ["/dev/full", "closed pipe", "closed file"])
def test_file_that_takes_nothing_is_harmless(target: str) -> None:
    if target == "/dev/full":
        number = os.open(target, os.O_WRONLY)
    else:
        readable, number = os.pipe()
        os.close(readable)
        if target == "closed file":
            os.close(number)
    output = QueuedOutput(number, "log")
    for _ in range(100):
        assert output.write(LINE) == len(LINE)
    output.drain(5)


def test_file_that_another_program_made_non_blocking_is_written(pipe: Pipe) -> None:
    os.set_blocking(pipe.writable, False)
    pipe.output.write(LINE * 5000 + b"end\n")
    assert pipe.read_until(b"end\n") == LINE * 5000 + b"end\n"


def test_forked_process_writes_by_itself(pipe: Pipe) -> None:
    pipe.output.write(b"parent\n")
    pipe.output.drain(5)
    if (child := os.fork()) == 0:
        pipe.output.write(b"child\n")
        pipe.output.drain(5)
        os._exit(0)
    os.waitpid(child, 0)
    assert pipe.read() == b"parent\nchild\n"


def test_standard_streams_are_replaced_once_and_behave_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as out, (tmp_path / "err").open("w", encoding="utf-8") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        monkeypatch.setattr("process.output.LAST_WRITES", 20)  # other tests run beside this one
        never_block()
        replaced = sys.stdout, sys.stderr
        never_block()
        assert (sys.stdout, sys.stderr) == replaced
        assert (sys.stderr.isatty(), sys.stderr.fileno(), sys.stderr.encoding) == (False, err.fileno(), "utf-8")
        print("a table", "ü \ud800")
        print("an error", file=sys.stderr)
        drain()
    assert (tmp_path / "out").read_text() == "a table ü \\ud800\n"
    assert (tmp_path / "err").read_text() == "an error\n"


def test_streams_that_are_no_files_stay_and_missing_ones_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    monkeypatch.setattr(sys, "stderr", None)  # closed when the process started
    never_block()
    print("goes nowhere", file=sys.stderr)
    drain()
    assert sys.stdout is text
    sys.stderr.close()
