"""The keys of an issuer: when they are asked for, which are taken, and how long they serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth.issuer_client import Away
from gateway.auth.issuer_keys import FRESH, KEPT, MOST_KEYS, PAUSE, PAUSE_WHILE_AWAY, KeySet
from gateway.errors import Unauthenticated, Unavailable
from tests.gateway.auth.issuer import jwk, private_keys

pytestmark = pytest.mark.anyio
P256 = ec.generate_private_key(ec.SECP256R1())


class Answers:
    """Stands for the issuer: its keys, or why there are none; `times` says how often it was asked."""

    def __init__(self, *keys: Any) -> None:
        self.keys = [*keys]
        self.away = False
        self.times = 0
        self.now = 0.0
        self.go = anyio.Event()
        self.go.set()
        self.set = KeySet("https://issuer.example.com", self.ask, lambda: self.now)

    async def ask(self, issuer: str) -> list[Any]:
        self.times += 1
        await self.go.wait()
        if self.away:
            raise Away("it is away")
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


async def test_keys_are_asked_for_at_first_use_and_again_after_an_hour() -> None:
    issuer = Answers(key("a"))
    assert issuer.times == 0
    for now in (0.0, 1.0, FRESH - 1):
        issuer.now = now
        assert await issuer.has("a")
    assert (issuer.times, issuer.set.version) == (1, 1)
    issuer.now = FRESH
    issuer.keys = [key("b")]
    assert not await issuer.has("a")
    assert await issuer.has("b")
    assert (issuer.times, issuer.set.version) == (2, 2)


async def test_an_unknown_id_asks_again_but_not_often() -> None:
    issuer = Answers(key("a"))
    assert await issuer.has("a")
    issuer.keys.append(key("b"))
    for number in range(100):
        assert not await issuer.has(f"made up {number}")
    assert issuer.times == 1
    issuer.now = PAUSE
    assert await issuer.has("b")
    assert not await issuer.has("c")
    assert issuer.times == 2


async def test_many_at_once_ask_once() -> None:
    issuer = Answers(key("a"))
    issuer.go = anyio.Event()
    found: list[bool] = []

    async def ask(kid: str) -> None:
        found.append(await issuer.has(kid))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(ask, "a")
        await anyio.wait_all_tasks_blocked()
        issuer.go.set()
    assert (found, issuer.times) == ([True] * 100, 1)


async def test_who_knows_the_key_does_not_wait_for_new_ones() -> None:
    issuer = Answers(key("a"))
    assert await issuer.has("a")
    issuer.now = PAUSE
    issuer.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(issuer.has, "b")
        await anyio.wait_all_tasks_blocked()
        assert await issuer.has("a")
        issuer.go.set()
    assert issuer.times == 2


async def test_who_leaves_in_the_middle_has_asked_all_the_same() -> None:
    issuer = Answers(key("a"))
    issuer.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(issuer.has, "a")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    with pytest.raises(Unavailable):
        await issuer.key("a")
    assert issuer.times == 1
    issuer.go.set()
    issuer.now = PAUSE
    assert await issuer.has("a")


async def test_an_issuer_that_is_away_is_asked_again_soon_and_said_to_be_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuer = Answers(key("a"))
    issuer.away = True
    for now in (0.0, PAUSE_WHILE_AWAY / 2, PAUSE_WHILE_AWAY):
        issuer.now = now
        with pytest.raises(Unavailable):
            await issuer.key("a")
    assert issuer.times == 2
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "issuer.example.com cannot be had: it is away" in caplog.text
    issuer.away, issuer.now = False, 2 * PAUSE_WHILE_AWAY
    assert await issuer.has("a")


async def test_known_keys_serve_for_a_day_while_the_issuer_is_away() -> None:
    issuer = Answers(key("a"))
    assert await issuer.has("a")
    issuer.away = True
    for now in (FRESH, KEPT - 1):
        issuer.now = now
        assert await issuer.has("a")
        with pytest.raises(Unavailable):  # it may be a new one: nobody can tell
            await issuer.key("b")
    issuer.now = KEPT
    with pytest.raises(Unavailable):
        await issuer.key("a")


async def test_a_key_signs_only_what_its_kind_does() -> None:
    issuer = Answers(*(jwk(kid, own, algorithm) for kid, (own, algorithm) in private_keys().items()))
    fitting = {"rsa": "RS256 RS512 PS256", "p256": "ES256", "p384": "ES384", "p521": "ES512", "ed25519": "EdDSA"}
    for kid, algorithms in fitting.items():
        for algorithm in ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256", "none"]:
            if algorithm in algorithms.split():
                assert await issuer.key(kid, algorithm) is not None
            else:
                with pytest.raises(Unauthenticated):
                    await issuer.key(kid, algorithm)


NO_KEYS: Mapping[str, Callable[[], Any]] = {
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


@pytest.mark.parametrize("name", NO_KEYS)
async def test_what_is_no_key_to_verify_with_is_left_out(name: str) -> None:
    found = NO_KEYS[name]()
    issuer = Answers(found, key("b"))
    assert await issuer.has("b")
    for algorithm in ("ES256", "ES384", "RS256", "HS256"):
        with pytest.raises(Unauthenticated):
            await issuer.key("a", algorithm)
    issuer = Answers(found)
    with pytest.raises(Unavailable):
        await issuer.key("a")


async def test_more_keys_than_anybody_has_are_none() -> None:
    issuer = Answers(*[key(str(number)) for number in range(MOST_KEYS + 1)])
    with pytest.raises(Unavailable):
        await issuer.key("1")
