"""Places: a number in all, a share for each caller, and no entry that outlives its last place."""

from __future__ import annotations

import pytest

from gateway.auth.scopes import Scopes
from gateway.caller import Caller
from gateway.errors import ShareExceeded, Unavailable
from gateway.places import Places, part, take_each

ADA, BOB = (Caller(name, grants=Scopes(())) for name in ("ada", "bob"))
NOBODY = Caller(address="127.0.0.1")


@pytest.mark.parametrize(
    ("limit", "share", "places"),
    [(10_000, 0.25, 2500), (10, 0.25, 3), (1, 0.25, 1), (3, 0.001, 1), (7, 1.0, 7), (100, 0.07, 7)],
)
def test_share_is_rounded_up_and_at_least_one(limit: int, share: float, places: int) -> None:
    assert part(limit, share) == places


def test_caller_beyond_its_share_is_refused_while_another_is_served() -> None:
    places = Places(4, 2, "open doors")
    for _ in range(2):
        places.take(ADA)
    with pytest.raises(ShareExceeded, match=r"Too many open doors: one caller may have 2 of 4\.") as caught:
        places.take(ADA)
    assert (caught.value.slug, caught.value.retry_after) == ("share-exceeded", 1)
    places.take(BOB)
    places.give_back(ADA)
    places.take(ADA)
    assert (places.taken, len(places)) == (3, 2)


def test_full_places_are_unavailable_to_a_caller_within_its_share() -> None:
    places = Places(3, 2, "open doors")
    for who in (ADA, ADA, BOB):
        places.take(who)
    with pytest.raises(Unavailable, match=r"Too many open doors: the limit is 3\."):
        places.take(BOB)
    with pytest.raises(ShareExceeded):
        places.take(ADA)


def test_refused_take_changes_nothing() -> None:
    places = Places(3, 2, "bytes")
    for who, count in ((ADA, 3), (NOBODY, 4)):
        with pytest.raises((ShareExceeded, Unavailable)):
            places.take(who, count)
    assert (places.taken, len(places)) == (0, 0)


def test_callers_without_places_are_forgotten() -> None:
    places = Places(1000, 10, "open doors")
    callers = [Caller(f"caller {number}", grants=Scopes(())) for number in range(100)]
    for who in callers * 2:
        places.take(who)
    assert (places.taken, len(places)) == (200, 100)
    for who in callers * 2:
        places.give_back(who)
    assert (places.taken, len(places)) == (0, 0)


def test_without_authentication_one_client_may_take_everything() -> None:
    places = Places(3, 1, "open doors")
    for _ in range(3):
        places.take(NOBODY)
    with pytest.raises(Unavailable):
        places.take(NOBODY)
    for _ in range(3):
        places.give_back(NOBODY)
    assert (places.taken, len(places)) == (0, 0)


def test_place_of_each_or_of_none() -> None:
    wide, narrow = Places(9, 9, "open doors"), Places(1, 1, "open gates")
    take_each([wide, narrow], ADA)
    for who in (ADA, BOB):
        with pytest.raises((ShareExceeded, Unavailable)):
            take_each([wide, narrow], who)
    assert (wide.taken, narrow.taken, len(wide)) == (1, 1, 1)
