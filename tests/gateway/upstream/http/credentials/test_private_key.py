"""The router proves who it is at an authorization server by a key, whose private half never leaves it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.clients import post
from tests.gateway.upstream.http.credentials.authority import Authority, admitting
from tests.gateway.upstream.http.credentials.conftest import Served, whoami
from tests.gateway.upstream.http.peer import modern, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
KINDS = ["rsa", "pss", "p256", "p384", "p521", "ed25519", "ed448"]


def pem(key: Any, password: bytes = b"") -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    return found


def signing(authority: Authority, file: Path, kind: str = "p256") -> dict[str, Any]:
    """Writes a key of this kind, and returns the `auth` of an entry that proves it."""
    key, algorithm = authority.issuer.keys[kind]
    file.write_bytes(pem(key))
    authority.client = key.public_key(), algorithm
    token_url = authority.auth["tokenUrl"]
    auth = {"type": "clientCredentials", "tokenUrl": token_url, "clientId": "router", "privateKeyFile": str(file)}
    return auth | ({"algorithm": "PS384"} if kind == "pss" else {})


@pytest.mark.parametrize("kind", KINDS)
async def test_token_is_got_with_a_key_of_each_type(
    authority: Authority, served: Served, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    auth = signing(authority, tmp_path / "key.pem", kind) | {"keyId": "key-1"}
    async with serving(admitting(authority, modern(whoami), set())) as peer:
        async with served({"url": peer.url, "auth": auth}) as http:
            assert (await post(http, "whoami")).json()["result"]["sub"] == "router"
        assert [one["kid"] for one in authority.assertions] == ["key-1"]
        assert 0 < authority.assertions[0]["exp"] - authority.assertions[0]["iat"] <= 300
        assert authority.forms[0]["resource"] == peer.url
    for secret in ("PRIVATE KEY", authority.forms[0]["client_assertion"]):
        assert secret not in caplog.text


async def test_each_assertion_is_sent_once_and_signed_with_the_key_that_the_file_has_then(
    authority: Authority, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, revoked = tmp_path / "key.pem", set[str]()
    monkeypatch.setenv("KEY_FILE", str(file))
    auth = signing(authority, file) | {"privateKeyFile": "${KEY_FILE}"}
    async with (
        serving(admitting(authority, modern(whoami), revoked)) as peer,
        served({"url": peer.url, "auth": auth}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 200
        signing(authority, file, "rsa")
        revoked.update(authority.given)
        assert (await post(http, "whoami")).status_code == 200
        assert [one["alg"] for one in authority.assertions] == ["ES256", "RS256"]


async def test_assertion_is_for_the_issuer_if_the_entry_names_it(
    authority: Authority, served: Served, tmp_path: Path
) -> None:
    auth = signing(authority, tmp_path / "key.pem") | {"issuer": authority.issuer.url}
    del auth["tokenUrl"]
    authority.audience = authority.issuer.url
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": auth}) as http,
    ):
        assert (await post(http, "whoami")).json()["result"]["sub"] == "router"


UNUSABLE: dict[str, tuple[bytes | None, str]] = {
    "no file": (None, "privateKeyFile: No such file or directory"),
    "no key": (b"secret", "privateKeyFile: expected a private key in PEM without a password"),
    "a password": (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "in PEM without a password"),
    "another curve": (pem(ec.generate_private_key(ec.SECP384R1())), "privateKeyFile: the key signs with ES384 alone"),
    "a curve of no algorithm": (pem(ec.generate_private_key(ec.SECP256K1())), "a key of this type signs no assertions"),
    "a type that signs none": (pem(x25519.X25519PrivateKey.generate()), "a key of this type signs no assertions"),
    "a short key": (pem(rsa.generate_private_key(65537, 1024)), "shorter than 2048 bits"),  # noqa: S505
}


@pytest.mark.parametrize(("content", "reason"), UNUSABLE.values(), ids=UNUSABLE)
async def test_key_that_cannot_be_used_is_named_in_health_and_nothing_is_sent(
    authority: Authority, served: Served, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "key.pem"
    auth = signing(authority, file) | {"algorithm": "ES256"}
    file.unlink() if content is None else file.write_bytes(content)
    async with (
        serving(admitting(authority, modern(whoami), set())) as peer,
        served({"url": peer.url, "auth": auth}) as http,
    ):
        assert (await post(http, "whoami")).status_code == 503
        health = await http.get("/one/mcp/health")
        assert reason in health.json()["reason"]
        assert "secret" not in health.text
        assert (authority.forms, peer.asked) == ([], [])
