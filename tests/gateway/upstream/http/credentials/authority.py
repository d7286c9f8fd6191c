"""A token endpoint at the authorization server of the tests, and upstreams that let only its tokens in."""

from __future__ import annotations

import asyncio
import itertools
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.gateway.auth.issuer import Issuer, serving_issuer
from tests.gateway.upstream.http.peer import Answer, Asked

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "pass:word/1"  # with characters that the form of Basic must encode


class Authority:
    """`forms` are the requests for tokens, `given` the tokens. `seconds` is their lifetime, `refused` are subjects.

    `client` is the public key with which its client must prove who it is, in `assertions` for `audience`.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.forms: list[dict[str, str]] = []
        self.given: list[str] = []
        self.seconds: Any = 3600
        self.refused: set[str] = set()
        self.instead: Response | None = None
        self.gate: Callable[[], Awaitable[None]] | None = None
        self.client: tuple[Any, str] | None = None
        self.audience = f"{issuer.url}/token"
        self.assertions: list[dict[str, Any]] = []
        self._numbers = itertools.count()
        issuer.app.router.routes.insert(0, Route("/token", self._answer, methods=["POST"]))
        url = f"{issuer.url}/token"
        issuer.publish("/.well-known/oauth-authorization-server", issuer.metadata(token_endpoint=url))

    @property
    def auth(self) -> dict[str, Any]:
        """The `auth` of an entry."""
        token_url = f"{self.issuer.url}/token"
        return {"type": "clientCredentials", "tokenUrl": token_url, "clientId": "router", "clientSecret": SECRET}

    def claims(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError for a token of anybody else."""
        key, algorithm = self.issuer.keys["p256"]
        found: dict[str, Any] = jwt.decode(token, key.public_key(), [algorithm], options={"verify_aud": False})
        return found

    def _is_client(self, authorization: str, form: dict[str, str]) -> bool:
        """Checks the secret, or the assertion that is signed with the key `client`, and takes that once."""
        if self.client is None:
            scheme, _, pair = authorization.partition(" ")
            return scheme == "Basic" and b64decode(pair) == b"router:pass%3Aword%2F1"
        key, algorithm = self.client
        if authorization or form["client_assertion_type"] != ASSERTION or form["client_id"] != "router":
            return False
        needed: Any = {"require": ["iss", "sub", "aud", "exp", "iat", "jti"]}
        try:
            given = form["client_assertion"]
            found = jwt.decode(given, key, [algorithm], options=needed, audience=self.audience, issuer="router")
        except jwt.PyJWTError:
            return False
        self.assertions.append(jwt.get_unverified_header(given) | found)
        known = [one["jti"] for one in self.assertions]
        return found["sub"] == "router" and known.count(found["jti"]) == 1

    async def _answer(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append(form)
        if self.gate is not None:
            await self.gate()
        if self.instead is not None:
            return self.instead
        if not self._is_client(request.headers.get("authorization", ""), form):
            return JSONResponse({"error": "invalid_client"}, 401)
        subject = "router"
        if form["grant_type"] == EXCHANGE:
            key, algorithm = self.issuer.keys["rsa"]
            token = form["subject_token"]
            subject = jwt.decode(token, key.public_key(), [algorithm], options={"verify_aud": False})["sub"]
            if subject in self.refused:
                return JSONResponse({"error": "invalid_request", "error_description": "secret"}, 400)
        audience = form.get("audience") or form.get("resource")
        token = self.issuer.token("p256", sub=subject, aud=audience, jti=str(next(self._numbers)))
        self.given.append(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": self.seconds})


@contextmanager
def serving_authority() -> Iterator[Authority]:
    with serving_issuer() as issuer:
        yield Authority(issuer)


def admitting(authority: Authority, answer: Answer, revoked: set[str]) -> Answer:
    """Lets `answer` answer requests with a token of the authority that is not `revoked`; refuses others with 401."""

    async def admitted(asked: Asked) -> None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = authority.claims(token)
        except jwt.PyJWTError:
            claims = None
        if claims is None or token in revoked or "\r" in token:
            asked.answer(b"", 401)
        else:
            asked.headers["sub"], asked.headers["aud"] = claims["sub"], str(claims["aud"])
            await answer(asked)

    return admitted


async def eventually(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not met():
            await asyncio.sleep(0.01)
