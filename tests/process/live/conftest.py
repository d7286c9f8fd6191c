"""Fixtures: routers as child processes, which end with their test, and an authorization server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.gateway.auth.issuer import Issuer, serving_issuer
from tests.keys import add_key
from tests.ports import free_port
from tests.process.live.auth.oauth import Provider, add_routes
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.shipped import shipped

WRONG_KEY = {"authorization": "Bearer wrong"}


class Start(Protocol):
    """Starts `python app.py`, or `python` with another command, with these settings."""

    def __call__(self, *command: str, **settings: str) -> Router: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    numbers = count(1)
    with ExitStack() as stack:

        def begin(*command: str, **settings: str) -> Router:
            folder = tmp_path / f"router-{next(numbers)}"
            folder.mkdir()
            return stack.enter_context(Router(folder, *command, **settings))

        yield begin


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """Returns the path of a key file, which turns authentication on."""
    add_key(tmp_path / "keys.json", "ci", "*:*")
    return str(tmp_path / "keys.json")


@pytest.fixture
def note(tmp_path: Path) -> Note:
    return Note(tmp_path / "note")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving_issuer() as issuer:
        yield issuer


@pytest.fixture
def provider(issuer: Issuer) -> Provider:
    return add_routes(issuer)


@pytest.fixture
def base(start: Start, issuer: Issuer, provider: Provider) -> str:
    """Starts a router that accepts the issuer's tokens, and returns its URL, which is the audience of the tokens."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = {"MCP_AUTH_ISSUER": issuer.url, "MCP_AUTH_AUDIENCE": base, "MCP_SERVERS_DIR": shipped()}
    start(PORT=str(port), **settings).await_table()
    return base
