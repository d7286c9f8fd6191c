"""Server-sent events out of streams of bytes."""

from __future__ import annotations

import pytest

from gateway.upstream.http.events import Events
from gateway.upstream.link import LinkFailure


def test_events_are_the_same_wherever_their_bytes_are_split() -> None:
    stream = b"\xef\xbb\xbfdata: a\r\n\r\n: c\r\rid: 7\nevent: x\ndata:b\ndata: \xc3\xa4\r\n\nretry: 250\n\ndata: cut"
    expected = [(b"message", b"a"), (b"x", b"b\n\xc3\xa4")]
    for first in range(len(stream)):
        for second in range(first, len(stream)):
            events = Events(1000)
            parts = (stream[:first], stream[first:second], stream[second:])
            assert [event for part in parts for event in events.feed(part)] == expected
            assert (events.last_id, events.retry) == ("7", 0.25)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (
            b"event: message\r\ndata: a\r\n\r\ndata: b\n\ndata:c\n\n",
            [(b"message", each) for each in (b"a", b"b", b"c")],
        ),
        (b"event: x\n: comment\ndata: a\n\ndata: b\n\n", [(b"x", b"a"), (b"message", b"b")]),
        (b"id: 7\n: comment\ndata: a\n\n", [(b"message", b"a")]),
        (b"data: a\ndata: b\n\n", [(b"message", b"a\nb")]),
        (b"event: message\ndata:  a \n\ndata: \n\n", [(b"message", b" a ")]),
        (b"data: a\r\rdata: b\r\n\r\n", [(b"message", b"a"), (b"message", b"b")]),
    ],
)
def test_event_that_comes_alone_is_the_same_as_one_in_pieces(
    stream: bytes, expected: list[tuple[bytes, bytes]]
) -> None:
    for first in range(len(stream)):
        events = Events(1000)
        parts = (stream[:first], stream[first:])
        assert [event for part in parts for event in events.feed(part)] == expected
        assert events.last_id == ("7" if b"id:" in stream else "")


def test_event_that_comes_alone_may_not_be_longer_than_the_limit() -> None:
    whole = b"data: " + b"a" * 100 + b"\n\n"
    assert [*Events(len(whole)).feed(whole)] == [(b"message", b"a" * 100)]
    with pytest.raises(LinkFailure):
        [*Events(100).feed(whole)]
