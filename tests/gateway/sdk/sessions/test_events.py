"""The store of events that the streams of a session have sent: its limits and its replay."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCResponse

from gateway.sdk.sessions.events import EventLimits, Events, SessionEvents

pytestmark = pytest.mark.anyio


def note(words: str = "") -> JSONRPCMessage:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params={"data": words})


def result(number: int) -> JSONRPCMessage:
    return JSONRPCResponse(jsonrpc="2.0", id=number, result={})


SIZE = len(note("x").model_dump_json(by_alias=True, exclude_unset=True))


async def replayed(store: SessionEvents, event_id: str) -> tuple[str | None, list[str | None], list[Any]]:
    """Returns the stream that continues, and the ids and texts of the replayed events."""
    sent: list[EventMessage] = []

    async def send(message: EventMessage) -> None:
        sent.append(message)

    stream = await store.replay_events_after(event_id, send)
    return stream, [message.event_id for message in sent], [words_of(message.message) for message in sent]


def words_of(message: JSONRPCMessage) -> Any:
    if isinstance(message, JSONRPCNotification):
        return (message.params or {})["data"]
    return (message.error.code, message.id) if isinstance(message, JSONRPCError) else "result"


async def stored(store: SessionEvents, stream: str, *words: str) -> list[str]:
    return [await store.store_event(stream, note(word)) for word in words]


async def test_events_after_the_last_one_are_replayed_in_order() -> None:
    store = Events(EventLimits()).new_store()
    first, second, third = await stored(store, "1", "a", "b", "c")
    await stored(store, "2", "of another stream")
    assert await replayed(store, first) == ("1", [second, third], ["b", "c"])
    assert await replayed(store, third) == ("1", [], [])


async def test_event_without_a_message_is_not_replayed() -> None:
    store = Events(EventLimits()).new_store()
    primed = await store.store_event("1", None)
    again = await store.store_event("1", None)
    [after] = await stored(store, "1", "a")
    assert len({primed, again, after}) == 3
    assert await replayed(store, primed) == ("1", [after], ["a"])


async def test_events_stored_during_a_replay_are_replayed_too() -> None:
    store = Events(EventLimits()).new_store()
    first, *_ = await stored(store, "1", "a", "b", "c")
    sent: list[Any] = []

    async def send(message: EventMessage) -> None:
        sent.append(words_of(message.message))
        if len(sent) == 1:
            await store.store_event("1", result(1))

    assert await store.replay_events_after(first, send) is None
    assert sent == ["b", "c", "result"]


async def test_stream_with_a_result_does_not_continue() -> None:
    store = Events(EventLimits()).new_store()
    [first] = await stored(store, "1", "a")
    last = await store.store_event("1", result(1))
    assert await replayed(store, first) == (None, [last], ["result"])
    assert await replayed(store, last) == (None, [], [])


async def test_reused_request_id_is_a_new_stream() -> None:
    store = Events(EventLimits()).new_store()
    old = await store.store_event("1", result(1))
    [new] = await stored(store, "1", "a")
    assert old.partition("-")[0] != new.partition("-")[0]
    assert await replayed(store, old) == (None, [None], [(-32002, None)])
    assert (await replayed(store, new))[0] == "1"


async def test_events_of_a_stream_are_limited_and_replay_after_a_dropped_one_is_an_error() -> None:
    store = Events(EventLimits(per_stream=2)).new_store()
    first, second, third, fourth = await stored(store, "7", "a", "b", "c", "d")
    assert await replayed(store, first) == (None, [None], [(-32002, 7)])
    assert await replayed(store, second) == ("7", [third, fourth], ["c", "d"])


async def test_bytes_of_a_stream_are_limited_without_its_newest_event() -> None:
    events = Events(EventLimits(stream_bytes=2 * SIZE))
    store = events.new_store()
    first, *rest = await stored(store, "7", "a", "b", "c", "d")
    assert await replayed(store, first) == ("7", rest, ["b", "c", "d"])
    assert events.total == 3 * SIZE
    large = "x" * 9 * SIZE
    [newest] = await stored(store, "7", large)
    assert await replayed(store, rest[0]) == ("7", [*rest[1:], newest], ["c", "d", large])
    assert await replayed(store, first) == (None, [None], [(-32002, 7)])
    [after] = await stored(store, "7", "e")
    assert await replayed(store, newest) == ("7", [after], ["e"])
    assert events.total == SIZE


async def test_newest_event_of_a_stream_is_removed_last() -> None:
    events = Events(EventLimits(total_bytes=3 * SIZE))
    store = events.new_store()
    primed = await store.store_event("1", None)
    [only] = await stored(store, "1", "a")
    await stored(store, "2", "b", "c")
    [last] = await stored(store, "2", "d")
    assert await replayed(store, primed) == ("1", [only], ["a"])
    large = "x" * 9 * SIZE
    [alone] = await stored(store, "2", large)
    assert await replayed(store, last) == ("2", [alone], [large])
    assert await replayed(store, primed) == (None, [None], [(-32002, 1)])
    assert events.total == SIZE - 1 + len(large)


async def test_streams_of_a_session_are_limited() -> None:
    events = Events(EventLimits(streams=2))
    store = events.new_store()
    [first], [second], [third] = [await stored(store, stream, "a") for stream in ("1", "2", "3")]
    assert await replayed(store, first) == (None, [None], [(-32002, None)])
    assert [(await replayed(store, event))[0] for event in (second, third)] == ["2", "3"]
    assert events.total == 2 * SIZE


async def test_bytes_of_all_sessions_are_limited_and_the_longest_silent_session_loses_first() -> None:
    events = Events(EventLimits(total_bytes=4 * SIZE))
    silent, busy = events.new_store(), events.new_store()
    [primed] = [await silent.store_event("1", None)]
    first, second = await stored(silent, "1", "a", "b")
    await stored(busy, "1", "c", "d", "e")
    assert events.total == 4 * SIZE
    assert await replayed(silent, primed) == (None, [None], [(-32002, 1)])
    assert await replayed(silent, first) == ("1", [second], ["b"])
    kept = await stored(busy, "1", *"fghi")
    assert events.total == 4 * SIZE
    assert await replayed(silent, first) == (None, [None], [(-32002, 1)])
    assert await replayed(busy, kept[0]) == ("1", kept[1:], ["g", "h", "i"])


async def test_session_may_lose_one_stream_and_keep_another() -> None:
    events = Events(EventLimits(total_bytes=2 * SIZE))
    store = events.new_store()
    [gone] = await stored(store, "1", "a")
    kept = await stored(store, "2", "b", "c")
    await stored(store, "2", "d")
    assert await replayed(store, gone) == ("1", [], [])
    assert await replayed(store, kept[1]) == ("2", ["2-3"], ["d"])


@pytest.mark.slow
async def test_byte_count_stays_exact_over_many_events() -> None:
    events = Events(EventLimits(per_stream=3, streams=2, stream_bytes=2 * SIZE, total_bytes=99 * SIZE))
    stores = [events.new_store() for _ in range(3)]
    for number in range(200):
        store, stream = stores[number % 3], str(number % 7)
        await stored(store, stream, "x" * (number % 5))
        if number % 11 == 0:
            await store.store_event(stream, result(number))
        assert 0 <= events.total <= 3 * 2 * 2 * SIZE
    del store
    stores.clear()
    gc.collect()
    assert events.total == 0


@pytest.mark.slow
async def test_events_of_a_session_are_deleted_with_it() -> None:
    events = Events(EventLimits())
    store = events.new_store()
    await stored(store, "1", "a", "b")
    other = events.new_store()
    await stored(other, "1", "c")
    del store
    gc.collect()
    assert events.total == SIZE


@pytest.mark.parametrize("event_id", ["", "1", "1-", "-1", "1-x", "9-1", "1-²", "1-" + "9" * 20, "x" * 9999, "1-0-0"])
async def test_unknown_event_id_is_an_error(event_id: str) -> None:
    store = Events(EventLimits()).new_store()
    await stored(store, "1", "a")
    assert await replayed(store, event_id) == (None, [None], [(-32002, None)])
