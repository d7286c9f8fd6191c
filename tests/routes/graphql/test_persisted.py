"""Documents that clients name by their hash, over GET and POST."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from app import create_app
from gateway.errors import LoadError
from settings.values import Settings
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.routes.graphql.asking import ask, reading, slugs
from tests.transport import opened

pytestmark = pytest.mark.anyio
QUERY = "query Sum($a: Long!) { one { add(a: $a, b: 2) } }\n"
MUTATION = "mutation { two_add(a: 1, b: 2) }\n"


async def add(a: int, b: int) -> int:
    return a + b


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "sum.graphql").write_text(QUERY)
    (folder / "change.graphql").write_text(MUTATION)
    (folder / "README.md").write_text("not one of them")
    return str(folder)


async def test_document_is_named_by_its_hash(make_app: MakeApp, folder: str) -> None:
    app = make_app(reading(add), server_of(add, name="two"), graphql=GRAPHQL, graphql_persisted=folder)
    async with opened(app) as http:
        apollo = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": hash_of(QUERY)}})
        for parameters in ({"documentId": f"sha256:{hash_of(QUERY)}"}, {"extensions": apollo}):
            answer = await http.get(GRAPHQL, params={**parameters, "variables": '{"a": 1}'})
            assert answer.json() == {"data": {"one": {"add": 3}}}
        sent = await http.post(GRAPHQL, json={"documentId": f"sha256:{hash_of(MUTATION)}"})
        assert sent.json() == {"data": {"two_add": 3}}


@pytest.mark.slow
async def test_get_is_for_persisted_queries_alone(make_app: MakeApp, folder: str) -> None:
    app = make_app(reading(add), server_of(add, name="two"), graphql=GRAPHQL, graphql_persisted=folder)
    async with opened(app) as http:
        for parameters, status in (
            ({"query": "{ _servers }"}, 405),
            ({"documentId": f"sha256:{hash_of(MUTATION)}"}, 405),
            ({"documentId": f"sha256:{hash_of('{ _servers }')}"}, 404),
            ({"documentId": f"sha256:{hash_of(QUERY)}", "variables": "{"}, 400),
            ({}, 405),
        ):
            assert (await http.get(GRAPHQL, params=parameters)).status_code == status


@pytest.mark.slow
async def test_no_other_document_is_accepted_if_only_those_are(make_app: MakeApp, folder: str) -> None:
    app = make_app(reading(add), graphql=GRAPHQL, graphql_persisted=folder, graphql_only_persisted=True)
    async with opened(app) as http:
        assert await ask(http, QUERY, variables={"a": 1}) == {"data": {"one": {"add": 3}}}
        for text in ("{ _servers }", "{ __schema { queryType { name } } }", QUERY.strip()):
            assert slugs(await ask(http, text)) == ["invalid-request"]


@pytest.mark.slow
def test_folder_without_documents_is_an_error_of_the_start(tmp_path: Path) -> None:
    for folder in (str(tmp_path), str(tmp_path / "missing")):
        with pytest.raises(LoadError, match="MCP_GRAPHQL_PERSISTED"):
            create_app(Settings(graphql=GRAPHQL, graphql_persisted=folder))
