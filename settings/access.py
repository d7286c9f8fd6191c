"""Addresses and names under which the router is reached, and the callers that it accepts."""

from __future__ import annotations

from dataclasses import dataclass

from settings.network import Network, hosts, networks, origins, url
from settings.reader import text


@dataclass(frozen=True)
class Access:
    allowed_hosts: tuple[str, ...] = hosts(
        "MCP_ALLOWED_HOSTS",
        "host names that requests and web pages may use besides `localhost`, `127.0.0.1` and `::1`, separated by `,`; "
        "`*` allows all",
    )
    allowed_origins: tuple[str, ...] = origins(
        "MCP_ALLOWED_ORIGINS", "origins of other pages that may call, such as `tauri://localhost`, separated by `,`"
    )
    public_url: str = url("MCP_PUBLIC_URL", "URL at which clients reach the router, if a proxy changes it")
    trusted_proxies: tuple[Network, ...] = networks(
        "MCP_TRUSTED_PROXIES",
        "addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are trusted, separated by "
        "`,`; `unix` is every client of the Unix socket",
    )

    auth_keys: str = text(
        "MCP_AUTH_KEYS", "", "file of API keys, written by `python -m gateway.auth`; enables authentication"
    )
    auth_issuer: str = text(
        "MCP_AUTH_ISSUER",
        "",
        "URL of the OAuth 2.1 authorization server whose access tokens (JWT) are accepted; enables authentication",
    )
    auth_audience: str = text(
        "MCP_AUTH_AUDIENCE", "", "audience that access tokens must name; required with `MCP_AUTH_ISSUER`"
    )
    destructive_scope: str = text("MCP_DESTRUCTIVE_SCOPE", "", "additional scope for tools marked `destructiveHint`")
