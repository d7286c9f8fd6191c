"""An application with a key that covers the tool `add` but not `secret`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.transport import opened


async def add(a: int, b: int) -> int:
    return a + b


async def secret() -> str:
    raise AssertionError("the tool ran without its scope")


@pytest.fixture
def key(tmp_path: Path) -> dict[str, str]:
    return bearer(add_key(tmp_path / "keys.json", "ci", "one:a*", "two:*"))


def scoped_app(make_app: MakeApp, tmp_path: Path, **settings: Any) -> Starlette:
    """Returns the application. The key of the fixture `key` must exist before."""
    return make_app(server_of(add, secret), auth_keys=str(tmp_path / "keys.json"), **settings)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path, key: dict[str, str]) -> Starlette:
    return scoped_app(make_app, tmp_path)


@pytest.fixture
async def http(anyio_backend: str, app: Starlette, key: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Yields a client that sends the key."""
    async with opened(app) as client:
        client.headers.update(key)
        yield client
