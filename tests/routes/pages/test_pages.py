"""The pages at `/`, `/{server}` and `/docs`: one static file, whose script reads what is served."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from routes.pages.pages import FOLDER
from tests.conftest import MakeApp
from tests.routes.raw import ask_behind

pytestmark = pytest.mark.anyio
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HTML = {"accept": BROWSER}
PAGES = ["/", "/math", "/math/", "/docs", "/docs/"]
FILES = sorted(f"/docs/{path.name}" for path in FOLDER.iterdir() if path.suffix != ".html")
LARGEST = 40_000
"""Bytes of all files of the pages, which are read at the start and kept."""


def linked(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"#]+)"', page)


@pytest.mark.parametrize("url", PAGES)
async def test_browser_gets_a_page_whose_files_are_served_by_the_router(client: httpx2.AsyncClient, url: str) -> None:
    page = await client.get(url, headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    found = {urljoin(url, link) for link in linked(page.text)}
    assert found == {"/docs/icon.svg", "/docs/page.css", "/docs/page.js", "/", "/tools", "/openapi.json", "/health"}
    for link in found:
        assert (await client.get(link)).status_code == 200


async def test_pages_are_one_file_that_names_nothing_that_is_served(client: httpx2.AsyncClient) -> None:
    pages = {(await client.get(url, headers=HTML)).text.replace("../", "") for url in PAGES}
    assert len(pages) == 1
    assert not re.search("math|echo|moody", pages.pop())


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("Text/HTML;charset=utf-8", True),
        ("text/html, */*; q=0.01", True),
        ("text/html, */*", True),
        ("application/json;q=0.5, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html, application/json", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=0.1, */*", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("", False),
        (";;q=,,q", False),
    ],
)
@pytest.mark.parametrize("url", ["/", "/math"])
async def test_client_that_prefers_html_gets_the_page_and_any_other_gets_json(
    client: httpx2.AsyncClient, url: str, accept: str, is_page: bool
) -> None:
    answer = await client.get(url, headers={"accept": accept})
    kind = answer.headers["content-type"].partition(";")[0]
    assert (answer.status_code, kind) == (200, "text/html" if is_page else "application/json")
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("url", [*PAGES, *FILES])
async def test_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(client: httpx2.AsyncClient, url: str) -> None:
    answer = await client.get(url, headers=HTML)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["img-src"] == "'self'"
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", answer.text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=\"", answer.text) == []
    assert re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]+", answer.text) == []


def test_scripts_keep_nothing_and_write_no_markup() -> None:
    scripts = "".join(path.read_text() for path in FOLDER.glob("*.js"))
    stores = "localStorage|sessionStorage|indexedDB|document.cookie|caches"
    markup = "innerHTML|outerHTML|insertAdjacentHTML|document.write|DOMParser|eval|setHTML"
    assert re.findall(rf"\b(?:{stores}|{markup})\b", scripts) == []


def test_files_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST


@pytest.mark.parametrize("url", [*PAGES, *FILES])
async def test_unchanged_file_is_304_and_head_is_answered_like_get(client: httpx2.AsyncClient, url: str) -> None:
    first = await client.get(url, headers=HTML)
    again = await client.get(url, headers={**HTML, "if-none-match": first.headers["etag"]})
    head = await client.head(url, headers=HTML)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
    assert again.headers["etag"] == head.headers["etag"] == first.headers["etag"]
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(first.content)))


async def test_files_have_their_types(client: httpx2.AsyncClient) -> None:
    kinds = {url.rpartition(".")[2]: (await client.get(url)).headers["content-type"] for url in FILES}
    utf8 = "; charset=utf-8"
    assert kinds == {"css": f"text/css{utf8}", "js": f"text/javascript{utf8}", "svg": "image/svg+xml"}


@pytest.mark.parametrize("path", ["/docs/none.js", "/docs/page.html", "/docs/%2e%2e/pages.py", "/docs/page.js/"])
async def test_other_paths_below_docs_are_404(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_name_of_no_server_is_the_page_with_404(client: httpx2.AsyncClient) -> None:
    page, found = await client.get("/maths", headers=HTML), await client.get("/math", headers=HTML)
    assert (page.status_code, page.content) == (404, found.content)


@pytest.mark.parametrize("path", ["/", "/math", "/math/", "/docs"])
async def test_links_are_right_behind_a_prefix(make_app: MakeApp, path: str) -> None:
    app = make_app(MCPServer("math"))
    page = await ask_behind("/some/prefix", app, "GET", path, [(b"host", b"localhost"), (b"accept", BROWSER.encode())])
    found = {urljoin(f"/some/prefix{path}", link) for link in linked(page.body.decode())}
    assert found >= {"/some/prefix/docs/page.js", "/some/prefix/", "/some/prefix/openapi.json"}
