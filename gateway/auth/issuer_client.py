"""Fetches the signing keys of an OAuth 2.1 authorization server: first its metadata, then its JWKS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from pydantic_core import from_json

FETCH_TIMEOUT = 5.0
"""Seconds for all requests of one fetch together."""
MAX_DOCUMENT_SIZE = 512 * 1024


class IssuerUnavailable(Exception):
    """The issuer does not answer, or its answer is not usable; the message has the reason."""


class _UnusableDocument(IssuerUnavailable):
    """This URL has no usable document; the next one may."""


async def fetch(issuer: str) -> Sequence[Any]:
    """Returns the keys as they stand in the issuer's JWKS.

    Raises:
        IssuerUnavailable: no keys were received within five seconds.
    """
    try:
        with anyio.fail_after(FETCH_TIMEOUT):
            async with httpx2.AsyncClient(timeout=FETCH_TIMEOUT, follow_redirects=False) as client:
                url = await _find_jwks_url(client, issuer)
                keys = (await _get_json(client, url)).get("keys")
    except TimeoutError as exc:
        raise IssuerUnavailable(f"no answer within {FETCH_TIMEOUT:g} seconds") from exc
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
        raise IssuerUnavailable(f"{type(exc).__name__}: {exc}") from exc
    if not isinstance(keys, list):
        raise IssuerUnavailable(f"{url} has no keys")
    return keys


def metadata_urls(issuer: str) -> list[str]:
    """Returns the URLs of RFC 8414 and OpenID Connect Discovery, in the order that MCP requires."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = [f"/.well-known/oauth-authorization-server{path}", f"/.well-known/openid-configuration{path}"]
    if path:
        places.append(f"{path}/.well-known/openid-configuration")
    return [f"{parts.scheme}://{parts.netloc}{place}" for place in places]


async def _find_jwks_url(client: httpx2.AsyncClient, issuer: str) -> str:
    reasons = []
    for url in metadata_urls(issuer):
        try:
            return jwks_url(url, await _get_json(client, url), issuer)
        except _UnusableDocument as exc:
            reasons.append(str(exc))
    raise IssuerUnavailable("; ".join(reasons))


def jwks_url(url: str, document: Mapping[str, Any], issuer: str) -> str:
    """Returns the `jwks_uri` of the metadata that was found at `url`.

    Raises:
        IssuerUnavailable: the metadata is of another issuer, or has no usable `jwks_uri`.
    """
    # RFC 8414, 3.3: metadata of another issuer would make its tokens valid here.
    if document.get("issuer") != issuer:
        raise _UnusableDocument(f"{url} is of the issuer {document.get('issuer')!r}, expected {issuer!r}")
    found = document.get("jwks_uri")
    # An issuer with https must not send us to http: anyone on the way could replace the keys.
    allowed = ("https://", f"{urlsplit(issuer).scheme}://")
    if not isinstance(found, str) or not found.startswith(allowed):
        raise _UnusableDocument(f"{url} has no usable jwks_uri")
    return found


async def _get_json(client: httpx2.AsyncClient, url: str) -> Mapping[str, Any]:
    # Without compression, and read raw: a small compressed answer could unpack to a huge one.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    body = bytearray()
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != 200:
            raise _UnusableDocument(f"{url} answers {answer.status_code}")
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MAX_DOCUMENT_SIZE:
                raise IssuerUnavailable(f"{url} is larger than {MAX_DOCUMENT_SIZE} bytes")
    try:
        document = from_json(bytes(body))
    except ValueError as exc:
        raise _UnusableDocument(f"{url} is not JSON") from exc
    if not isinstance(document, dict):
        raise _UnusableDocument(f"{url} is not an object")
    return document
