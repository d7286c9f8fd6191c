"""Asks an OAuth 2.1 authorization server for the keys that it signs with: its metadata, then its JWKS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from pydantic_core import from_json

PATIENCE = 5.0
LARGEST = 512 * 1024


class Away(Exception):
    """The issuer does not answer, or not as it must; the message says why."""


class _NotThere(Away):
    """Not at this URL; perhaps at the next."""


async def fetch(issuer: str) -> Sequence[Any]:
    """Its keys as they stand in its JWKS.

    Raises:
        Away: there are none to be had within five seconds.
    """
    try:
        with anyio.fail_after(PATIENCE):
            async with httpx2.AsyncClient(timeout=PATIENCE, follow_redirects=False) as client:
                url = await _located(client, issuer)
                keys = (await _document(client, url)).get("keys")
    except TimeoutError as exc:
        raise Away(f"no answer within {PATIENCE:g} seconds") from exc
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
        raise Away(f"{type(exc).__name__}: {exc}") from exc
    if not isinstance(keys, list):
        raise Away(f"{url} has no keys")
    return keys


def metadata_urls(issuer: str) -> list[str]:
    """Where RFC 8414 and OpenID Connect put the metadata, in the order in which MCP asks."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = [f"/.well-known/oauth-authorization-server{path}", f"/.well-known/openid-configuration{path}"]
    if path:
        places.append(f"{path}/.well-known/openid-configuration")
    return [f"{parts.scheme}://{parts.netloc}{place}" for place in places]


async def _located(client: httpx2.AsyncClient, issuer: str) -> str:
    reasons = []
    for url in metadata_urls(issuer):
        try:
            return jwks_url(url, await _document(client, url), issuer)
        except _NotThere as exc:
            reasons.append(str(exc))
    raise Away("; ".join(reasons))


def jwks_url(url: str, document: Mapping[str, Any], issuer: str) -> str:
    """The URL of the keys, as the metadata at `url` has it. That of another issuer would let its tokens in (RFC 8414,
    3.3), and keys that come in the clear those of anybody."""
    if document.get("issuer") != issuer:
        raise _NotThere(f"{url} is of the issuer {document.get('issuer')!r}, which is not the same text")
    found = document.get("jwks_uri")
    allowed = ("https://", f"{urlsplit(issuer).scheme}://")
    if not isinstance(found, str) or not found.startswith(allowed):
        raise _NotThere(f"{url} names no jwks_uri that can be used")
    return found


async def _document(client: httpx2.AsyncClient, url: str) -> Mapping[str, Any]:
    """As it is sent: nothing is unpacked, so that little cannot become much."""
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    body = bytearray()
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != 200:
            raise _NotThere(f"{url} answers {answer.status_code}")
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > LARGEST:
                raise Away(f"{url} is larger than {LARGEST} bytes")
    try:
        document = from_json(bytes(body))
    except ValueError as exc:
        raise _NotThere(f"{url} is not JSON") from exc
    if not isinstance(document, dict):
        raise _NotThere(f"{url} is not an object")
    return document
