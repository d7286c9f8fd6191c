"""The rules for entries of the admin API."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.admission.rules import Rules
from gateway.upstream.config import upstream_of

ENVIRON = {"PATH": "/bin", "HOME": "/root", "ALLOWED": "a", "SECRET": "s"}


def refused(entry: dict[str, Any], *stdio: str) -> list[str]:
    """Returns the keys that the rules refuse, with a variable and these programs allowed."""
    rules = Rules(stdio, (), ("ALLOWED",), ENVIRON)
    return [error["path"] for error in rules.refusals(upstream_of("here", entry))]


URL = "https://example.com/mcp"


@pytest.mark.parametrize(
    ("entry", "keys"),
    [
        ({"url": URL}, []),
        ({"url": URL, "headers": {"X": "${ALLOWED} ${env:ALLOWED} ${ALLOWED:-none} $HOME {SECRET}"}}, []),
        ({"url": URL, "headers": {"X": "${SECRET}"}}, ["headers.X"]),
        ({"url": URL, "headers": {"X": "${ALLOWED}${env:SECRET:-x}"}}, ["headers.X"]),
        ({"url": "https://${SECRET}.example.com/"}, ["url"]),
        (
            {"url": URL, "auth": {"type": "clientCredentials", "clientId": "${SECRET}", "clientSecret": "x"}},
            ["auth.clientId"],
        ),
        ({"url": URL, "tools": {"describe": {"a": "${SECRET}"}}}, ["tools.describe.a"]),
        ({"url": URL, "tokenFile": "/run/secrets/token"}, ["tokenFile"]),
        ({"url": URL, "headersFile": "/etc/passwd"}, ["headersFile"]),
        ({"url": URL, "tls": {"ca": "/etc/ca.pem"}}, ["tls"]),
        ({"url": URL, "proxy": "http://proxy.example:3128"}, ["proxy"]),
        ({"url": URL, "proxy": "none"}, []),
        ({"url": URL, "auth": {"type": "tokenExchange", "clientId": "x"}}, ["auth.type"]),
        (
            {
                "url": URL,
                "auth": {"type": "clientCredentials", "clientId": "x", "clientSecret": "y", "tls": {"ca": "/x"}},
            },
            ["auth.tls"],
        ),
        (
            {"url": URL, "auth": {"type": "clientCredentials", "clientId": "x", "privateKeyFile": "/run/key.pem"}},
            ["auth.privateKeyFile"],
        ),
    ],
)
def test_variables_files_proxies_and_tokens_of_callers(entry: dict[str, Any], keys: list[str]) -> None:
    assert refused(entry) == keys


@pytest.mark.parametrize(
    ("entry", "keys"),
    [
        ({"command": "npx", "args": ["-y", "server@1.0.0"]}, []),
        ({"command": "uvx"}, ["command"]),
        ({"command": "NPX"}, ["command"]),
        ({"command": "/usr/bin/npx"}, ["command"]),
        ({"command": "./npx"}, ["command"]),
        ({"command": "npx "}, ["command"]),
        ({"command": "../npx"}, ["command"]),
        ({"command": "${ALLOWED}"}, ["command"]),
        ({"command": "npx", "env": {"PATH": "/srv"}}, ["env.PATH"]),
        (
            {"command": "npx", "env": {"LD_PRELOAD": "x", "NODE_OPTIONS": "-r x", "TZ": "UTC"}},
            ["env.LD_PRELOAD", "env.NODE_OPTIONS"],
        ),
        ({"command": "npx", "env": {"npm_config_registry": "http://x"}}, ["env.npm_config_registry"]),
        ({"command": "npx", "env": {"PYTHONPATH": "x", "https_proxy": "x"}}, ["env.PYTHONPATH", "env.https_proxy"]),
        ({"command": "npx", "cwd": "/srv"}, ["cwd"]),
        ({"command": "npx", "inheritEnv": ["ALLOWED"]}, []),
        ({"command": "npx", "inheritEnv": ["SECRET"]}, ["inheritEnv.0"]),
        ({"command": "npx", "args": ["${SECRET}"], "env": {"A": "${SECRET}"}}, ["args.0", "env.A"]),
        ({"image": "mcp/time"}, ["image"]),
        ({"command": "image"}, ["command"]),
    ],
)
def test_programs_are_allowed_by_their_exact_names(entry: dict[str, Any], keys: list[str]) -> None:
    assert refused(entry, "npx") == keys


def test_nothing_runs_unless_it_is_named() -> None:
    assert refused({"command": "npx"}) == ["command"]
    assert refused({"image": "mcp/time"}) == ["image"]
    assert refused({"image": "mcp/time"}, "image") == []
    assert refused({"command": "image"}, "image") == ["command"]


def test_environment_has_what_is_allowed_and_what_every_child_gets() -> None:
    assert Rules((), (), ("ALLOWED", "UNSET"), ENVIRON).environ == {"PATH": "/bin", "HOME": "/root", "ALLOWED": "a"}
