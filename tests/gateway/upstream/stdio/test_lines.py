"""Lines out of bytes, however the bytes are cut."""

from __future__ import annotations

import pytest

from gateway.upstream.stdio.lines import Lines

TEXT = b"one\n\n  \ntwo\r\n" + b"x" * 50 + b"\nthree\nfour"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_are_the_same_however_they_arrive(size: int) -> None:
    lines: list[bytes] = []
    long: list[bytes] = []
    reader = Lines(40, lines.append, long.append)
    for start in range(0, len(TEXT), size):
        reader.feed(TEXT[start : start + size])
    assert lines == [b"one", b"two\r", b"three"]
    assert [set(head) for head in long] == [set(b"x")]
    reader.end()
    assert lines[-1] == b"four"


def test_line_that_is_too_long_is_not_kept() -> None:
    lines: list[bytes] = []
    long: list[bytes] = []
    reader = Lines(1000, lines.append, long.append)
    for _ in range(10_000):
        reader.feed(b"y" * 100)
    reader.feed(b"\nnext\n")
    assert (lines, len(long), len(long[0])) == ([b"next"], 1, 512)
