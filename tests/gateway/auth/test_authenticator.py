"""What is remembered of a credential that was good, and of those that were not."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from gateway.auth.authenticator import KNOWN, LONGEST, Authenticator
from gateway.auth.failures import Failures
from gateway.auth.principal import Principal, user
from gateway.errors import Expired, GatewayError, TooManyFailures, Unauthenticated, Unavailable

pytestmark = pytest.mark.anyio
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Names:
    """A verifier to which a credential `name!` proves a name, for ten seconds, as long as it is not in `gone`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.number = 0
        self.checked: list[str] = []
        self.gone: dict[str, Callable[[], GatewayError]] = {}
        self.go = anyio.Event()
        self.go.set()

    def recognises(self, credential: str) -> bool:
        return credential.endswith("!")

    def version(self) -> int:
        return self.number

    async def prepare(self, credential: str) -> None:
        await self.go.wait()

    def check(self, credential: str) -> Principal:
        self.checked.append(credential)
        name = credential.removesuffix("!")
        if name in self.gone:
            raise self.gone[name]()
        return Principal(name, (f"{name}:*",), user(name, name, None, ()), self.now + 10)


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def door(names: Names) -> Authenticator:
    return Authenticator([names], Failures(3, clock=lambda: names.now), now=lambda: names.now)


async def refused(door: Authenticator, credential: str, address: str = HERE) -> type[GatewayError]:
    with pytest.raises(GatewayError) as caught:
        await door.authenticate(credential, address)
    return caught.type


async def test_what_was_good_is_not_checked_again_for_its_time(door: Authenticator, names: Names) -> None:
    first = await door.authenticate("ann!", HERE)
    second = await door.authenticate("ann!", ELSEWHERE)
    assert (first.name, first.address, second.address) == ("ann", HERE, ELSEWHERE)
    assert first.grants is second.grants
    assert first.grants is not None
    assert (first.grants.covers("ann", "x"), first.grants.covers("bob", "x")) == (True, False)
    assert names.checked == ["ann!"]
    names.now = 10.0
    await door.authenticate("ann!", HERE)
    assert names.checked == ["ann!", "ann!"]


async def test_what_was_good_is_checked_again_when_its_verifier_has_changed(door: Authenticator, names: Names) -> None:
    await door.authenticate("ann!", HERE)
    names.gone["ann"] = Unauthenticated
    assert door.known("ann!", HERE) is not None
    names.number = 1
    assert door.known("ann!", HERE) is None
    assert await refused(door, "ann!") is Unauthenticated


async def test_a_stranger_may_nothing(door: Authenticator) -> None:
    stranger = door.stranger(HERE)
    assert (stranger.name, stranger.address, stranger.is_unknown) == (None, HERE, True)
    assert stranger.grants is not None
    assert not stranger.grants.covers("one", "x")
    assert not stranger.grants.covers_all_of("one")


@pytest.mark.parametrize("credential", ["", "x", "é!", "\ud800!", "x" * LONGEST + "!", "\0"])
async def test_what_no_verifier_can_know_is_not_shown_to_one(
    door: Authenticator, names: Names, credential: str
) -> None:
    assert await refused(door, credential) is Unauthenticated
    assert names.checked == []


async def test_after_too_many_failures_nothing_from_there_is_looked_at(door: Authenticator, names: Names) -> None:
    names.gone["bad"] = Unauthenticated
    assert [await refused(door, "bad!") for _ in range(5)] == [Unauthenticated] * 3 + [TooManyFailures] * 2
    assert await refused(door, "ann!") is TooManyFailures
    assert names.checked == ["bad!"] * 3
    assert (await door.authenticate("ann!", ELSEWHERE)).name == "ann"
    names.now = 60.0
    assert (await door.authenticate("ann!", HERE)).name == "ann"


async def test_what_was_good_once_is_looked_at_whatever_else_fails_there(door: Authenticator, names: Names) -> None:
    await door.authenticate("ann!", HERE)
    for number in range(4):
        await refused(door, f"{number}")
    names.now = 10.0  # no longer taken for good without a look
    assert (await door.authenticate("ann!", HERE)).name == "ann"
    names.gone["ann"] = Unauthenticated
    names.now = 20.0
    assert await refused(door, "ann!") is Unauthenticated
    assert await refused(door, "ann!") is TooManyFailures


async def test_what_has_expired_or_cannot_be_told_is_no_guess(door: Authenticator, names: Names) -> None:
    names.gone |= {"old": Expired, "who": lambda: Unavailable("")}
    assert [await refused(door, "old!") for _ in range(5)] == [Expired] * 5
    assert [await refused(door, "who!") for _ in range(5)] == [Unavailable] * 5
    assert (await door.authenticate("ann!", HERE)).name == "ann"


async def test_of_many_guesses_at_once_no_more_are_looked_at(door: Authenticator, names: Names) -> None:
    names.gone["bad"] = Unauthenticated
    names.go = anyio.Event()
    found: list[type[GatewayError]] = []

    async def guess() -> None:
        found.append(await refused(door, "bad!"))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(guess)
        await anyio.wait_all_tasks_blocked()
        names.go.set()
    assert (found.count(Unauthenticated), found.count(TooManyFailures)) == (3, 97)
    assert len(names.checked) == 3


async def test_the_credentials_used_last_are_kept(door: Authenticator, names: Names) -> None:
    await door.authenticate("first!", HERE)
    await door.authenticate("second!", HERE)
    assert door.known("first!", HERE) is not None  # used again
    for number in range(KNOWN - 1):
        await door.authenticate(f"{number}!", HERE)
    assert door.known("first!", HERE) is not None
    assert door.known("second!", HERE) is None
