"""Tests of forged and malformed tokens: all are refused, none causes an error, none is logged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import MakeApp
from tests.gateway.auth.issuer import Issuer
from tests.routes.raw import HOST, ask
from tests.shipped import shipped

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
MATH = {"servers_dir": (shipped(),), "servers": ("math",)}


def part(document: Any) -> str:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed_by_secret(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Signs as a library would that accepts a public key as an HMAC secret."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def head_of(**more: Any) -> dict[str, Any]:
    return {"alg": "RS256", "kid": "rsa"} | more


def attacks(issuer: Issuer) -> dict[str, str]:
    """Returns forged tokens with the claims of a valid one."""
    claims = issuer.claims()
    rsa_key, p256 = issuer.keys["rsa"][0], issuer.keys["p256"][0]
    good = issuer.token()
    head, body, signature = good.split(".")
    other = rsa.generate_private_key(65537, 2048)
    public = rsa_key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key()))
    hidden = {"kid": "rsa", "jwk": own, "jku": f"{issuer.url}/own", "x5u": f"{issuer.url}/own", "x5c": ["x"]}
    return {
        "no algorithm": f"{part({'alg': 'none', 'kid': 'rsa'})}.{body}.",
        "no algorithm, in capitals": f"{part({'alg': 'NONE', 'kid': 'rsa'})}.{body}.",
        "no algorithm, signed": f"{part({'alg': 'none', 'kid': 'rsa'})}.{body}.{signature}",
        "the public key as a secret (PEM)": signed_by_secret({"alg": "HS256", "kid": "rsa"}, claims, pem),
        "the public key as a secret (DER)": signed_by_secret({"alg": "HS256", "kid": "rsa"}, claims, der),
        "an empty secret": signed_by_secret({"alg": "HS256"}, claims, b""),
        "another key": jwt.encode(claims, other, "RS256", {"kid": "rsa"}),
        "another key, and its location": jwt.encode(claims, other, "RS256", hidden),
        "another key under a new id": jwt.encode(claims, other, "RS256", {"kid": "new"}),
        "an id that is a path": jwt.encode(claims, other, "RS256", {"kid": "../../jwks"}),
        "the algorithm of another kind of key": jwt.encode(claims, p256, "ES256", {"kid": "rsa"}),
        "a key of another kind": jwt.encode(claims, other, "RS256", {"kid": "p256"}),
        "another algorithm than the key's": jwt.encode(claims, issuer.keys["p384"][0], "ES384", {"kid": "p256"}),
        "no id, and several keys with the algorithm": jwt.encode(claims, rsa_key, "RS256"),
        "an id that is a number": f"{part({'alg': 'RS256', 'kid': 7})}.{body}.{signature}",
        "claims of another token": f"{head}.{part(issuer.claims(sub='root'))}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:100]}",
        "a signature of zeros": f"{head}.{body}.{part(bytes(256))}",
        "an ECDSA signature of zeros": f"{part({'alg': 'ES256', 'kid': 'p256'})}.{body}.{part(bytes(64))}",
    }


def malformed(issuer: Issuer) -> dict[str, str]:
    """Returns malformed tokens, and tokens with features that are not supported."""
    good = issuer.token()
    head, body, signature = good.split(".")
    return {
        "unknown critical headers": issuer.token(header={"crit": ["x"], "x": 1}),
        "a payload that is elsewhere": f"{part(head_of(b64=False, crit=['b64']))}..{signature}",
        "padding": f"{head}==.{body}.{signature}",
        "padding behind the signature": f"{good}==",
        "letters that decoding skips": f"{good}!*",
        "no header": f".{body}.{signature}",
        "an empty header": f"{part({})}.{body}.{signature}",
        "a list for a header": f"{part([])}.{body}.{signature}",
        "a deep header": f"{part(b'[' * 9000)}.{body}.{signature}",
        "a header of zeros": f"{part(bytes(10))}.{body}.{signature}",
        "a header that is not UTF-8": f"{part(bytes([255, 254]))}.{body}.{signature}",
        "dots alone": "..",
        "many dots": f"{head}{'.' * 5000}",
        "four parts": f"{good}.{signature}",
        "two parts": f"{head}.{body}",
        "too long": issuer.token(text="x" * 20_000),
        "long and forged": f"{head}.{part(issuer.claims(text='x' * 11_000))}.{signature}",
        "a null byte": good[:-5] + "\0" + good[-4:],
        "no ASCII": good[:-5] + "é" + good[-4:],
        "white space": f"{head} .{body}.{signature}",
        "encrypted": f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM', 'kid': 'rsa'})}.a.b.c.d",
        "encrypted, in three parts": f"{part({'alg': 'RSA-OAEP', 'kid': 'rsa'})}.a.b",
    }


async def test_forged_and_malformed_tokens_are_refused_and_not_logged(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make_app(**settings | MATH)
    forged = attacks(issuer) | malformed(issuer)
    for name, token in forged.items():
        credential = b"authorization", b"Bearer " + token.encode("latin-1")
        answer = await ask(app, "POST", "/math/mcp/call", [HOST, credential])
        assert (answer.status, answer.document["detail"]) == (401, "The credential is not valid."), name
    good = await ask(app, "GET", "/tools", [HOST, (b"authorization", b"Bearer " + issuer.token().encode())])
    assert good.status == 200
    assert {*issuer.asked} == {"/.well-known/oauth-authorization-server", "/jwks"}
    assert issuer.asked.count("/jwks") == 1
    parts = {max(token.split("."), key=len)[:40] for token in (*forged.values(), issuer.token())}
    assert [part for part in parts if part and part in caplog.text] == []


async def test_issuer_is_not_asked_about_a_token_that_is_refused_anyway(
    make_app: MakeApp, issuer: Issuer, settings: dict[str, Any]
) -> None:
    forged = attacks(issuer) | malformed(issuer)
    app = make_app(**settings | MATH)
    for name in ("no algorithm", "the public key as a secret (PEM)", "a deep header", "too long", "encrypted"):
        await ask(app, "GET", "/tools", [HOST, (b"authorization", b"Bearer " + forged[name].encode())])
    assert issuer.asked == []
