"""Versions of tools in the OpenAPI documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.conftest import MakeApp
from tests.gateway.versions.searching import DEPRECATED, RETIRED, searching
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
PATH = "/mcp/tools/search"


@pytest.mark.slow
async def test_each_version_is_an_operation(make_app: MakeApp) -> None:
    app = make_app(searching("0.1.0", "1.0.0", "2.0.0", v1=RETIRED, v2=DEPRECATED))
    async with opened(app) as http:
        for url, prefix in (("/openapi.json", "/one"), ("/one/openapi.json", "")):
            document = (await http.get(url)).json()
            assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
            paths = {path: item["post"] for path, item in document["paths"].items() if "/tools/" in path}
            assert {path: item["operationId"] for path, item in paths.items()} == {
                f"{prefix}{PATH}": "one_search",
                f"{prefix}{PATH}@2.0.0": "one_search_v2_0_0",
                f"{prefix}{PATH}@1.0.0": "one_search_v1_0_0",
            }
            marked = {path: (item.get("deprecated"), item.get("x-sunset")) for path, item in paths.items()}
            assert marked.pop(f"{prefix}{PATH}@1.0.0") == (True, "2999-06-01T00:00:00Z")
            assert {*marked.values()} == {(None, None)}
            assert paths[f"{prefix}{PATH}@1.0.0"]["summary"] == "Version 1.0.0"


async def test_document_has_the_versions_of_its_caller(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = bearer(add_key(path, "first", "one:search@1"))
    pinned = bearer(add_key(path, "pinned", "one:*", pins=["one:*=1"]))
    everything = bearer(add_key(path, "all", "one:*"))
    async with opened(make_app(searching("1.0.0", "2.0.0"), auth_keys=str(path))) as http:
        for who, default, count in ((everything, "2.0.0", 3), (first, "1.0.0", 2), (pinned, "1.0.0", 3)):
            paths = (await http.get("/one/openapi.json", headers=who)).json()["paths"]
            assert (paths[PATH]["post"]["summary"], len(paths)) == (f"Version {default}", count)
