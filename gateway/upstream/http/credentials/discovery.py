"""Finds the token endpoint for an upstream: from its own metadata (RFC 9728) to that of its issuer (RFC 8414)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gateway.upstream.http.address import Address
from gateway.upstream.http.client import Client
from gateway.upstream.http.credentials.token import NoToken
from gateway.upstream.http.credentials.token_endpoint import parsed
from gateway.upstream.link import LinkFailure

_HEAD = b"Accept: application/json\r\n"
OpenClient = Callable[[Address], Client]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def endpoint_at(url: Any, field: str) -> Address:
    """Returns the address of a URL that secrets may be sent to. Raises NoToken, without the URL."""
    try:
        address = Address.parse(url if isinstance(url, str) else "")
    except LinkFailure as exc:
        raise NoToken(f"{field} is not a URL") from exc
    if address.origin.scheme != "https" and not is_loopback(address.origin.host):
        raise NoToken(f"{field} must begin with https://, or be on loopback")
    return address


async def find_endpoint(upstream: Address, issuer: str, open_client: OpenClient) -> Address:
    """Returns the token endpoint of `issuer`; if that is empty, of the one that the upstream names.

    Raises:
        LinkFailure: there is none that can be trusted with a secret.
    """
    if not issuer:
        issuer = await _issuer_of(upstream, open_client)
    origin = endpoint_at(issuer, "the issuer")
    path = urlsplit(issuer).path.rstrip("/")
    places = [f"/.well-known/oauth-authorization-server{path}", f"/.well-known/openid-configuration{path}"]
    places += [f"{path}/.well-known/openid-configuration"] if path else []
    document = await _first(origin, places, open_client)
    if document is None:
        raise NoToken("the issuer has no metadata")
    if document.get("issuer") != issuer:
        raise NoToken("the metadata at the issuer is of another one")
    return endpoint_at(document.get("token_endpoint"), "the token endpoint of the issuer")


async def _issuer_of(upstream: Address, open_client: OpenClient) -> str:
    endpoint_at(str(upstream.origin), "`url`")  # else anybody on the way could name the issuer
    path = upstream.target.partition("?")[0].rstrip("/")
    place = "/.well-known/oauth-protected-resource"
    document = await _first(upstream, [f"{place}{path}", place] if path else [place], open_client)
    issuers = document.get("authorization_servers") if document is not None else None
    if document is None or not isinstance(issuers, list) or not issuers or not isinstance(issuers[0], str):
        raise NoToken("the server names no issuer of tokens; write `auth.tokenUrl` or `auth.issuer`")
    resource = document.get("resource")
    if not isinstance(resource, str) or (named := upstream.joined(resource)) is None:
        raise NoToken("the metadata of the server names no resource")
    if named.origin != upstream.origin:
        raise NoToken("the metadata of the server is of another one")
    return issuers[0]


async def _first(base: Address, places: list[str], open_client: OpenClient) -> dict[str, Any] | None:
    """Returns the first JSON object that is found at the origin of `base`."""
    for place in places:
        client = open_client(Address(base.origin, place))
        try:
            async with client.get(_HEAD) as connection:
                document = parsed(connection) if connection.status == 200 else None
        finally:
            client.close()
        if document is not None:
            return document
    return None
