"""Versions of a tool in plain JSON: the header of a request, and those of its answer."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette

from tests.conftest import MakeApp
from tests.events import STREAM
from tests.gateway.versions.searching import DEPRECATED, RETIRED, searching
from tests.transport import opened

pytestmark = pytest.mark.anyio
TOLD = ("tool-version", "deprecation", "sunset", "link")


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(searching("0.1.0", "1.0.0", "2.0.0", v1=RETIRED, v2=DEPRECATED))


def told(answer: httpx2.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in TOLD if name in answer.headers}


async def test_answer_says_which_version_ran_and_until_when_it_will(app: Starlette) -> None:
    url = "/one/mcp/tools/search"
    link = f'<{url}@1.0.0>; rel="deprecation", <{url}@1.0.0>; rel="sunset", <{url}@2.0.0>; rel="successor-version"'
    deprecated = {
        "tool-version": "1.0.0",
        "deprecation": "@1577836800",
        "sunset": "Sat, 01 Jun 2999 00:00:00 GMT",
        "link": link,
    }
    async with opened(app) as http:
        body = {"tool": "search"}
        for answer in (
            await http.post("/one/mcp/call", json={**body, "version": "1"}),
            await http.post("/call", json={**body, "version": "^1.0.0"}),
            await http.post("/one/mcp/call", json=body, headers={"tool-version": "1.0"}),
            await http.post(f"{url}@1", json={}),
            await http.post(f"{url}@1"),
            await http.post("/one/mcp/call", json={**body, "version": "1"}, headers=STREAM),
            await http.get(f"{url}@1"),
            await http.get(url, headers={"tool-version": "1"}),
        ):
            assert (answer.status_code, told(answer)) == (200, deprecated)
        for answer in (await http.post("/one/mcp/call", json=body), await http.post(url), await http.get(url)):
            assert (answer.status_code, told(answer)) == (200, {"tool-version": "2.0.0"})


@pytest.mark.parametrize(
    ("body", "headers", "status", "detail"),
    [
        ({"version": "1"}, {"tool-version": "2"}, 400, "`version` and the header Tool-Version differ."),
        ({"version": 1}, {}, 400, "`version` must be a string."),
        ({"version": "newest"}, {}, 400, "`version` is malformed: expected a version"),
        ({}, {"tool-version": "é"}, 400, "`version` is malformed: expected a version"),
        ({"version": "9"}, {}, 404, "Tool 'search' has no version '9'; there are: 2.0.0, 1.0.0."),
        ({"version": "0.1"}, {}, 410, "Version 0.1.0 of tool 'search' was retired on 2021-01-01."),
    ],
)
async def test_wrong_version_is_refused(
    body: dict[str, str], headers: dict[str, str], status: int, detail: str, app: Starlette
) -> None:
    async with opened(app) as http:
        sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await http.post("/one/mcp/call", json={"tool": "search", **body}, headers=sent)
        assert (answer.status_code, told(answer)) == (status, {})
        assert answer.json()["detail"].startswith(detail)
        assert (await http.post("/one/mcp/call", json={"tool": "search", **body, "version": "2"})).status_code == 200


@pytest.mark.slow
async def test_two_headers_that_differ_are_refused(app: Starlette) -> None:
    async with opened(app) as http:
        headers = [("tool-version", "1"), ("tool-version", "2")]
        answer = await http.post("/one/mcp/call", json={"tool": "search"}, headers=headers)
    assert answer.status_code == 400


@pytest.mark.slow
async def test_pages_may_send_and_read_the_headers(app: Starlette) -> None:
    origin = {"origin": "http://localhost"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "tool-version"}
    async with opened(app) as http:
        allowed = (await http.options("/one/mcp/call", headers={**origin, **asked})).headers
        answer = await http.post("/one/mcp/call", json={"tool": "search"}, headers=origin)
    assert "tool-version" in allowed["access-control-allow-headers"]
    assert "Tool-Version, Deprecation, Sunset, Link" in answer.headers["access-control-expose-headers"]


@pytest.mark.slow
async def test_unknown_version_of_a_tool_url_shows_those_there_are(app: Starlette) -> None:
    async with opened(app) as http:
        for answer in (await http.get("/one/mcp/tools/search@9"), await http.post("/one/mcp/tools/search@9", json={})):
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-version")
        for answer in (await http.get("/one/mcp/tools/search@0.1"), await http.post("/one/mcp/tools/search@0.1")):
            assert (answer.status_code, answer.json()["type"]) == (410, "urn:multi-mcp:error:retired")


async def test_tool_without_versions_answers_without_their_headers(make_app: MakeApp) -> None:
    async with opened(make_app(searching("1.0.0"))) as http:
        assert told(await http.post("/one/mcp/call", json={"tool": "search"})) == {}


async def test_retired_single_version_is_served_no_more(make_app: MakeApp) -> None:
    async with opened(make_app(searching("1.0.0", v1=RETIRED))) as http:
        assert (await http.post("/one/mcp/call", json={"tool": "search"})).status_code == 410
        assert (await http.get("/one/mcp/tools")).json()["tools"] == []
