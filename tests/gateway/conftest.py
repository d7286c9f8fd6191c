"""Fixtures: an authorization server for tests of tokens, and tools that count their runs for tests of the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp
from tests.examples.serving import served
from tests.gateway.auth.issuer import AUDIENCE, Issuer
from tests.gateway.cache.cached import Counting
from tests.transport import opened


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    issuer = Issuer()
    with served(issuer.app) as origin:
        issuer.is_at(origin)
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.answers.clear()
    running.is_at(running.url)
    return running


@pytest.fixture
def settings(issuer: Issuer) -> dict[str, Any]:
    return {"auth_issuer": issuer.url, "auth_audience": AUDIENCE}


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def app(make_app: MakeApp, counting: Counting) -> Starlette:
    return make_app(counting.server)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with opened(app) as client:
        yield client
