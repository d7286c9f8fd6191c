"""The offline page at `/docs`: its files, its security policy, and its URLs behind a prefix."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from mcp.server.mcpserver import MCPServer
from starlette.testclient import TestClient

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio
FILES = Path(__file__).parents[3] / "routes" / "openapi" / "swagger"
PREFIX = "/some/prefix"


def linked(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


async def test_page_and_its_files_are_served_by_the_router(make_app: MakeApp) -> None:
    async with opened(make_app(MCPServer("one"))) as client:
        page = await client.get("/docs")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        types = {}
        for link in linked(page.text):
            if not link.startswith("data:"):
                answer = await client.get(urljoin("/docs", link))
                assert answer.status_code == 200, link
                types[link] = answer.headers["content-type"].partition(";")[0]
    assert types["docs/swagger-ui.css"] == "text/css"
    assert types["docs/swagger-ui-bundle.js"] == types["docs/init.js"] == "text/javascript"
    assert types["openapi.json"] == "application/json"


async def test_page_loads_nothing_from_other_hosts_and_runs_nothing_inline(make_app: MakeApp) -> None:
    async with opened(make_app(MCPServer("one"))) as client:
        page = await client.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", page.text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page.text) == []
    ours = page.text + (FILES / "init.js").read_text()
    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", ours) == []


def test_page_works_behind_a_prefix(make_app: MakeApp) -> None:
    app = make_app(MCPServer("one"))
    with TestClient(app, base_url="http://localhost", root_path=PREFIX) as client:
        page = client.get(f"{PREFIX}/docs")
        links = [link for link in linked(page.text) if not link.startswith("data:")]
        found = {link: client.get(urljoin(f"{PREFIX}/docs", link)).status_code for link in links}
    assert len(found) == 4
    assert {*found.values()} == {200}


def test_script_finds_the_document_relative_to_its_url() -> None:
    script = (FILES / "init.js").read_text()
    assert 'new URL("../openapi.json", document.currentScript.src)' in script
    assert "validatorUrl: null" in script


async def test_unchanged_file_is_304(make_app: MakeApp) -> None:
    async with opened(make_app(MCPServer("one"))) as client:
        first = await client.get("/docs/swagger-ui.css")
        again = await client.get("/docs/swagger-ui.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize("path", ["/docs/", "/docs/none.js", "/docs/%2e%2e/docs.py", "/docs/../docs.py"])
async def test_other_paths_below_docs_are_404(make_app: MakeApp, path: str) -> None:
    async with opened(make_app(MCPServer("one"))) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_files_have_a_licence_and_a_version() -> None:
    assert "Apache License" in (FILES / "LICENSE").read_text()
    assert "SmartBear" in (FILES / "NOTICE").read_text()
    version = re.search(r"`swagger-ui-dist` ([0-9.]+[0-9])", (FILES / "README.md").read_text())
    assert version is not None
    assert f'"{version[1]}"' in (FILES / "swagger-ui-bundle.js").read_text(encoding="utf-8")
