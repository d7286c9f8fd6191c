"""Tests of the authenticator: its cache of valid credentials, and the credentials that it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.auth.authenticator import MAX_CACHED_CREDENTIALS, MAX_CREDENTIAL_LENGTH, Authenticator
from gateway.auth.principal import Principal, user
from gateway.caller import Caller, caller
from gateway.errors import Expired, GatewayError, Unauthenticated, Unavailable

pytestmark = pytest.mark.anyio
ADDRESS, OTHER_ADDRESS = "192.0.2.1", "192.0.2.2"


class FakeVerifier:
    """Accepts a credential `name!` for ten seconds, unless `failures` has an error for the name."""

    def __init__(self) -> None:
        self.now = 0.0
        self.number = 0
        self.checked: list[str] = []
        self.failures: dict[str, Callable[[], GatewayError]] = {}

    def recognises(self, credential: str) -> bool:
        return credential.endswith("!")

    def version(self) -> int:
        return self.number

    async def prepare(self, credential: str) -> None: ...

    def check(self, credential: str) -> Principal:
        self.checked.append(credential)
        name = credential.removesuffix("!")
        if name in self.failures:
            raise self.failures[name]()
        return Principal(name, name, (f"{name}:*",), user(name, name, None, ()), self.now + 10)


@pytest.fixture
def verifier() -> FakeVerifier:
    return FakeVerifier()


@pytest.fixture
def authenticator(verifier: FakeVerifier) -> Authenticator:
    return Authenticator([verifier], now=lambda: verifier.now)


async def refusal(authenticator: Authenticator, credential: str) -> type[GatewayError]:
    with pytest.raises(GatewayError) as caught:
        await authenticator.authenticate(credential)
    return caught.type


async def test_valid_credential_is_not_checked_again_until_its_time_is_over(
    authenticator: Authenticator, verifier: FakeVerifier
) -> None:
    first = await authenticator.authenticate("ann!")
    second = await authenticator.authenticate("ann!")
    assert first is second
    assert first.name == "ann"
    assert first.grants is not None
    assert (first.grants.covers("ann", "x"), first.grants.covers("bob", "x")) == (True, False)
    assert verifier.checked == ["ann!"]
    verifier.now = 10.0
    await authenticator.authenticate("ann!")
    assert verifier.checked == ["ann!", "ann!"]


async def test_caller_has_the_address_of_the_current_request(
    authenticator: Authenticator, verifier: FakeVerifier
) -> None:
    found = []
    for address in (ADDRESS, OTHER_ADDRESS, ADDRESS):
        caller.set(Caller(address=address))
        found.append(await authenticator.authenticate("ann!"))
    assert [one.address for one in found] == [ADDRESS, OTHER_ADDRESS, ADDRESS]
    assert found[0].grants is found[1].grants
    assert verifier.checked == ["ann!"]


async def test_valid_credential_is_checked_again_when_its_verifier_has_changed(
    authenticator: Authenticator, verifier: FakeVerifier
) -> None:
    await authenticator.authenticate("ann!")
    verifier.failures["ann"] = Unauthenticated
    assert authenticator.cached("ann!") is not None
    verifier.number = 1
    assert authenticator.cached("ann!") is None
    assert await refusal(authenticator, "ann!") is Unauthenticated


async def test_anonymous_caller_may_call_nothing(authenticator: Authenticator) -> None:
    caller.set(Caller(address=ADDRESS))
    anonymous = authenticator.anonymous()
    assert (anonymous.name, anonymous.address, anonymous.is_anonymous) == (None, ADDRESS, True)
    assert anonymous.grants is not None
    assert not anonymous.grants.covers("one", "x")
    assert not anonymous.grants.covers_all_of("one")


@pytest.mark.parametrize("credential", ["", "x", "é!", "\ud800!", "x" * MAX_CREDENTIAL_LENGTH + "!", "\0"])
async def test_credential_that_no_verifier_recognises_is_refused_without_a_check(
    authenticator: Authenticator, verifier: FakeVerifier, credential: str
) -> None:
    assert await refusal(authenticator, credential) is Unauthenticated
    assert verifier.checked == []


@pytest.mark.parametrize("error", [Unauthenticated, Expired, lambda: Unavailable("")])
@pytest.mark.slow
async def test_refusals_do_not_affect_other_credentials_of_the_same_address(
    authenticator: Authenticator, verifier: FakeVerifier, error: Callable[[], GatewayError]
) -> None:
    caller.set(Caller(address=ADDRESS))
    verifier.failures["bad"] = error
    assert {await refusal(authenticator, "bad!") for _ in range(1000)} == {type(error())}
    assert (await authenticator.authenticate("ann!")).name == "ann"


@pytest.mark.slow
async def test_only_the_credentials_used_last_are_cached(authenticator: Authenticator) -> None:
    await authenticator.authenticate("first!")
    await authenticator.authenticate("second!")
    assert authenticator.cached("first!") is not None  # now used later than the second
    for number in range(MAX_CACHED_CREDENTIALS - 1):
        await authenticator.authenticate(f"{number}!")
    assert authenticator.cached("first!") is not None
    assert authenticator.cached("second!") is None
