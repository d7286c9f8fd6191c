"""Routers as child processes, ended after their test whatever happens; for some an authorization server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.examples.serving import served
from tests.gateway.auth.issuer import Issuer
from tests.ports import free_port
from tests.process.live.auth.oauth import Provider, add_routes
from tests.process.live.router import Router
from tests.shipped import shipped


class Start(Protocol):
    """Start a process with these settings; `python app.py` unless another command follows `python`."""

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
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with served(issuer.app) as origin:
        issuer.is_at(origin)
        yield issuer


@pytest.fixture
def provider(issuer: Issuer) -> Provider:
    return add_routes(issuer)


@pytest.fixture
def base(start: Start, issuer: Issuer, provider: Provider) -> str:
    """The URL of a router that takes the issuer's tokens: it is in its settings, and so known before."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = {"MCP_AUTH_ISSUER": issuer.url, "MCP_AUTH_AUDIENCE": base, "MCP_SERVERS_DIR": shipped()}
    start(PORT=str(port), **settings).await_table()
    return base
