"""An authorization server for the tests of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples.serving import served
from tests.issuer import AUDIENCE, Issuer


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
    return {"auth_issuer": issuer.url, "auth_audience": AUDIENCE, "auth_max_failures": 10_000}
