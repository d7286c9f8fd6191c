"""Tests of the issuer's keys: when they are fetched, which are accepted, and how long they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth.issuer_client import IssuerUnavailable
from gateway.auth.issuer_keys import MAX_KEY_AGE, MAX_KEYS, MIN_FETCH_INTERVAL, REFRESH_INTERVAL, RETRY_INTERVAL, KeySet
from gateway.errors import Unauthenticated, Unavailable
from tests.gateway.auth.issuer import jwk, private_keys

pytestmark = pytest.mark.anyio
P256 = ec.generate_private_key(ec.SECP256R1())


class FakeIssuer:
    """An issuer with these keys, and their `KeySet`. `fetches` counts the requests."""

    def __init__(self, *keys: Any) -> None:
        self.keys = [*keys]
        self.is_unavailable = False
        self.fetches = 0
        self.now = 0.0
        self.go = anyio.Event()
        self.go.set()
        self.set = KeySet("https://issuer.example.com", self.fetch, lambda: self.now)

    async def fetch(self, issuer: str) -> list[Any]:
        self.fetches += 1
        await self.go.wait()
        if self.is_unavailable:
            raise IssuerUnavailable("no answer")
        return self.keys

    async def key(self, kid: str | None, algorithm: str = "ES256") -> Any:
        await self.set.prepare(kid)
        return self.set.key(kid, algorithm)

    async def has(self, kid: str) -> bool:
        try:
            return await self.key(kid) is not None
        except Unauthenticated:
            return False


def key(kid: str | None, **more: Any) -> dict[str, Any]:
    return jwk(kid, P256, "ES256", **more)


async def test_keys_are_fetched_at_first_use_and_again_after_an_hour() -> None:
    issuer = FakeIssuer(key("a"))
    assert issuer.fetches == 0
    for now in (0.0, 1.0, REFRESH_INTERVAL - 1):
        issuer.now = now
        assert await issuer.has("a")
    assert (issuer.fetches, issuer.set.version) == (1, 1)
    issuer.now = REFRESH_INTERVAL
    issuer.keys = [key("b")]
    assert not await issuer.has("a")
    assert await issuer.has("b")
    assert (issuer.fetches, issuer.set.version) == (2, 2)


async def test_unknown_key_id_causes_a_fetch_but_at_most_one_in_ten_seconds() -> None:
    issuer = FakeIssuer(key("a"))
    assert await issuer.has("a")
    issuer.keys.append(key("b"))
    for number in range(100):
        assert not await issuer.has(f"made up {number}")
    assert issuer.fetches == 1
    issuer.now = MIN_FETCH_INTERVAL
    assert await issuer.has("b")
    assert not await issuer.has("c")
    assert issuer.fetches == 2


async def test_concurrent_requests_share_one_fetch() -> None:
    issuer = FakeIssuer(key("a"))
    issuer.go = anyio.Event()
    found: list[bool] = []

    async def ask(kid: str) -> None:
        found.append(await issuer.has(kid))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(ask, "a")
        await anyio.wait_all_tasks_blocked()
        issuer.go.set()
    assert (found, issuer.fetches) == ([True] * 100, 1)


async def test_token_with_a_known_key_does_not_wait_for_a_fetch() -> None:
    issuer = FakeIssuer(key("a"))
    assert await issuer.has("a")
    issuer.now = MIN_FETCH_INTERVAL
    issuer.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(issuer.has, "b")
        await anyio.wait_all_tasks_blocked()
        assert await issuer.has("a")
        issuer.go.set()
    assert issuer.fetches == 2


async def test_cancelled_fetch_counts_as_a_fetch() -> None:
    issuer = FakeIssuer(key("a"))
    issuer.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(issuer.has, "a")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    with pytest.raises(Unavailable):
        await issuer.key("a")
    assert issuer.fetches == 1
    issuer.go.set()
    issuer.now = MIN_FETCH_INTERVAL
    assert await issuer.has("a")


async def test_unavailable_issuer_is_tried_again_soon_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuer = FakeIssuer(key("a"))
    issuer.is_unavailable = True
    for now in (0.0, RETRY_INTERVAL / 2, RETRY_INTERVAL):
        issuer.now = now
        with pytest.raises(Unavailable):
            await issuer.key("a")
    assert issuer.fetches == 2
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "cannot fetch the keys of issuer https://issuer.example.com: no answer" in caplog.text
    issuer.is_unavailable, issuer.now = False, 2 * RETRY_INTERVAL
    assert await issuer.has("a")


async def test_known_keys_are_used_for_a_day_while_the_issuer_is_unavailable() -> None:
    issuer = FakeIssuer(key("a"))
    assert await issuer.has("a")
    issuer.is_unavailable = True
    for now in (REFRESH_INTERVAL, MAX_KEY_AGE - 1):
        issuer.now = now
        assert await issuer.has("a")
        with pytest.raises(Unavailable):  # it may be a new key
            await issuer.key("b")
    issuer.now = MAX_KEY_AGE
    with pytest.raises(Unavailable):
        await issuer.key("a")


async def test_key_is_used_only_with_algorithms_of_its_type() -> None:
    issuer = FakeIssuer(*(jwk(kid, own, algorithm) for kid, (own, algorithm) in private_keys().items()))
    fitting = {"rsa": "RS256 RS512 PS256", "p256": "ES256", "p384": "ES384", "p521": "ES512", "ed25519": "EdDSA"}
    for kid, algorithms in fitting.items():
        for algorithm in ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256", "none"]:
            if algorithm in algorithms.split():
                assert await issuer.key(kid, algorithm) is not None
            else:
                with pytest.raises(Unauthenticated):
                    await issuer.key(kid, algorithm)


UNUSABLE_KEYS: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "text": lambda: "key",
    "a secret": lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
    "for encryption": lambda: key("a", use="enc"),
    "to sign": lambda: key("a", key_ops=["sign"]),
    "another curve's algorithm": lambda: key("a", alg="ES384"),
    "an algorithm of secrets": lambda: key("a", alg="HS256"),
    "another curve": lambda: key("a", crv="P-384"),
    "too short": lambda: key("a", x="AAAA"),
    "not base64": lambda: key("a", x="!"),
    "weak": lambda: jwk("a", rsa.generate_private_key(65537, 1024), "RS256"),  # noqa: S505
    "huge": lambda: jwk("a", rsa.generate_private_key(65537, 2048), "RS256", n="A" * 5000),
}


@pytest.mark.parametrize("name", UNUSABLE_KEYS)
async def test_unusable_key_is_ignored(name: str) -> None:
    found = UNUSABLE_KEYS[name]()
    issuer = FakeIssuer(found, key("b"))
    assert await issuer.has("b")
    for algorithm in ("ES256", "ES384", "RS256", "HS256"):
        with pytest.raises(Unauthenticated):
            await issuer.key("a", algorithm)
    issuer = FakeIssuer(found)
    with pytest.raises(Unavailable):
        await issuer.key("a")


async def test_too_many_keys_are_refused() -> None:
    issuer = FakeIssuer(*[key(str(number)) for number in range(MAX_KEYS + 1)])
    with pytest.raises(Unavailable):
        await issuer.key("1")
