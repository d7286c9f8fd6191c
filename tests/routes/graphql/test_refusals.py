"""Requests that are refused as a whole, and the media types of answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.transport import opened

pytestmark = pytest.mark.anyio
RESPONSE = "application/graphql-response+json"


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


REFUSED: list[tuple[Any, int]] = [
    ([{"query": "{ _servers }"}], 400),
    ({}, 400),
    ({"query": 1}, 400),
    ({"query": "{ _servers }", "variables": []}, 400),
    ({"query": "{ _servers }", "operationName": 1}, 400),
    ({"query": "{ _servers }", "extensions": "x"}, 400),
    ({"query": "subscription { one_add }"}, 406),
]


@pytest.mark.parametrize(("body", "status"), REFUSED)
async def test_request_that_is_none_is_refused_with_a_problem(make_app: MakeApp, body: Any, status: int) -> None:
    async def report(ctx: int = 0) -> int:
        return ctx

    async with opened(make_app(server_of(report), graphql=GRAPHQL)) as http:
        answer = await http.post(GRAPHQL, json=body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["status"] == status


async def test_form_is_refused_as_a_page_of_another_site_could_send_it(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), graphql=GRAPHQL)) as http:
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            body = b'{"query": "{ _servers }"}'
            assert (await http.post(GRAPHQL, content=body, headers={"content-type": kind})).status_code == 415
        big = b'{"query": "' + b" " * 5_000_000 + b'"}'
        sent = await http.post(GRAPHQL, content=big, headers={"content-type": "application/json"})
        assert sent.status_code == 413


async def test_status_follows_the_media_type(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), graphql=GRAPHQL)) as http:
        for accept, status in ((RESPONSE, 400), ("application/json", 200), ("*/*", 200)):
            answer = await http.post(GRAPHQL, json={"query": "{"}, headers={"accept": accept})
            kind = RESPONSE if accept == RESPONSE else "application/json"
            assert (answer.status_code, answer.headers["content-type"]) == (status, f"{kind}; charset=utf-8")
        refused = await http.post(GRAPHQL, json={"query": "{ _servers }"}, headers={"accept": "text/plain"})
        assert refused.status_code == 406
