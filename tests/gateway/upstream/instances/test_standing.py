"""The standing of one instance after answers and failures."""

from __future__ import annotations

import pytest

from gateway.upstream.http.failures import ConnectionLost, NotConnected, StatusFailure
from gateway.upstream.instances.standing import FAILURES, LONGEST, SLOW, Standing
from gateway.upstream.link import LinkFailure

LOST = ConnectionLost("the connection was lost")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def standing(clock: Clock | None = None, *, may_go: bool = True) -> Standing:
    return Standing(lambda: may_go, clock or Clock())


def refused() -> LinkFailure:
    failure = NotConnected("no connection: Connection refused")
    failure.is_refused = True
    return failure


def test_refused_connection_is_enough() -> None:
    assert standing(may_go=False).failed(refused()) == "no connection: Connection refused"


def test_failures_in_a_row_eject() -> None:
    one = standing()
    assert [bool(one.failed(LOST)) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]


@pytest.mark.parametrize("status", [302, 404, 500, 502])
def test_status_that_says_that_the_server_is_not_there_counts(status: int) -> None:
    one, failure = standing(), StatusFailure(status, "it answers with a status", was_sent=False)
    assert [bool(one.failed(failure)) for _ in range(FAILURES)][-1]


def test_answer_in_between_begins_the_count_anew() -> None:
    one = standing()
    for _ in range(10):
        assert [one.failed(LOST) for _ in range(FAILURES - 1)] == [""] * (FAILURES - 1)
        one.answered()


def test_nothing_ejects_if_no_more_may_be() -> None:
    one = standing(may_go=False)
    assert [one.failed(LOST) for _ in range(3 * FAILURES)] == [""] * (3 * FAILURES)


@pytest.mark.parametrize(
    "failure",
    [
        StatusFailure(401, "unauthorized", was_sent=False),
        StatusFailure(413, "it answers with status 413", was_sent=False),
        LinkFailure("the request is longer than 1024 bytes", was_sent=False),
        LinkFailure("all 1000 sessions are in use", was_sent=False),
        LinkFailure("it was stopped", was_sent=False, is_over=True),
    ],
    ids=str,
)
def test_failure_that_is_not_of_the_way_does_not_count(failure: LinkFailure) -> None:
    one = standing()
    assert [one.failed(failure) for _ in range(3 * FAILURES)] == [""] * (3 * FAILURES)
    assert one.failures == 0


def test_one_that_asks_to_be_called_later_is_set_aside_for_so_long() -> None:
    clock = Clock()
    one = standing(clock)
    assert one.failed(StatusFailure(503, "it answers with status 503", was_sent=False, retry_after=7)) == ""
    clock.now += 6.9
    assert (one.aside, one.is_back()) == ("busy", False)
    clock.now += 0.2
    assert (one.is_back(), one.aside, one.is_back()) == (True, "", False)


def test_slow_one_is_set_aside_for_a_time_that_grows_and_begins_anew() -> None:
    clock = Clock()
    one = standing(clock)
    times = []
    for _ in range(5):
        assert one.slow("slow")
        times.append(one.until - clock.now)
        clock.now = one.until
    assert times == [SLOW, 2 * SLOW, 4 * SLOW, LONGEST, LONGEST]
    clock.now += LONGEST + 1
    assert one.slow("slow")
    assert one.until - clock.now == SLOW


def test_slow_one_stays_if_no_more_may_be_set_aside() -> None:
    one = standing(may_go=False)
    assert (one.slow("slow"), one.aside) == (False, "")
