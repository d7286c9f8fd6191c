"""Fixtures: an authorization server for tests of tokens, and tools that count their runs for tests of the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp
from tests.gateway.auth.issuer import AUDIENCE, Issuer, serving_issuer
from tests.gateway.cache.cached import Counting
from tests.transport import opened


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with serving_issuer() as issuer:
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
