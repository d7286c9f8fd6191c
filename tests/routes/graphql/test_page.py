"""The page at the URL of GraphQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.matrix import access
from tests.routes.graphql.asking import reading
from tests.transport import opened

pytestmark = pytest.mark.anyio
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def one() -> int:
    return 1


@pytest.mark.parametrize("is_secured", [False, True])
async def test_browser_gets_a_page_that_says_nothing_of_the_tools(
    make_app: MakeApp, tmp_path: Path, is_secured: bool
) -> None:
    keys = access.keys(tmp_path) if is_secured else {}
    async with opened(make_app(reading(one), graphql="/api/graphql", **keys)) as http:
        for url, up in (("/api/graphql", "../"), ("/api/graphql/", "../../")):
            page = await http.get(url, headers=HTML)
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert f'src="{up}docs/graphql.js"' in page.text
            assert "one_queries" not in page.text
        assert (await http.get("/docs/graphql.js")).status_code == 200
        assert (await http.get("/api/graphql")).status_code == (401 if is_secured else 405)


async def test_page_is_not_there_when_graphql_is_off(make_app: MakeApp) -> None:
    async with opened(make_app(reading(one))) as http:
        assert (await http.get("/docs/graphql.js")).status_code == 404
        assert (await http.post(GRAPHQL, json={"query": "{ _servers }"})).status_code == 405
