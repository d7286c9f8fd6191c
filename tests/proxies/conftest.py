"""Fixtures: one router, and each proxy in front of it, for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.keys import add_key
from tests.process.live.note import Note
from tests.process.live.router import SERVERS, Router
from tests.proxies.certificate import Certificate, certificate_in
from tests.proxies.proxy import Proxy, proxied
from tests.shipped import shipped

Behind = Callable[..., Proxy]
NAMES = ("nginx", "haproxy", "caddy")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate_in(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folders = f"{shipped()}:{SERVERS}:{Path(__file__).parent / 'servers'}"
    folder = tmp_path_factory.mktemp("router")
    with Router(folder, MCP_SERVERS_DIR=folders, MCP_TRUSTED_PROXIES="127.0.0.1") as router:
        yield router.await_table()


@pytest.fixture(scope="session", params=NAMES)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, router: Router, certificate: Certificate
) -> Iterator[Proxy]:
    with proxied(request.param, tmp_path_factory.mktemp(request.param), router.port, certificate) as proxy:
        yield proxy


@pytest.fixture
def behind(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Behind]:
    """Starts a proxy, with changes to its file, in front of a router."""
    with ExitStack() as stack:

        def begin(name: str, router: Router, changes: Mapping[str, str] | None = None) -> Proxy:
            folder = tmp_path_factory.mktemp(name)
            return stack.enter_context(proxied(name, folder, router.port, certificate, changes))

        yield begin


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """A router that trusts proxies of 127.0.0.1 and needs a key."""
    folder = tmp_path_factory.mktemp("guarded")
    add_key(folder / "keys.json", "ci", "*:*")
    settings = {"MCP_AUTH_KEYS": str(folder / "keys.json"), "MCP_TRUSTED_PROXIES": "127.0.0.1", "LOG_FORMAT": "json"}
    with Router(folder, **settings, MCP_SERVERS_DIR=shipped()) as router:
        yield router.await_table()


@pytest.fixture
def note(tmp_path: Path) -> Note:
    return Note(tmp_path / "note")
