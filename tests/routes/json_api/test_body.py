"""The body of a call and the headers that describe it, for every URL that takes a call."""

from __future__ import annotations

import httpx2
import pytest

from tests.conftest import MakeApp
from tests.routes.raw import HOST, ask
from tests.shipped import shipped

pytestmark = pytest.mark.anyio

ADD = b'{"tool": "add_tool", "arguments": {"a": 1, "b": 2}}'
URLS = ["/call", "/math/mcp/call", "/math/mcp/tools/add_tool"]
JSON = (b"content-type", b"application/json")


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "text/plain, application/json",
        "application/jsonp",
    ],
)
async def test_body_that_an_html_form_could_send_is_415(
    client: httpx2.AsyncClient, url: str, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await client.post(url, content=ADD, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:multi-mcp:error:unsupported-media-type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"]
)
async def test_content_type_of_json_is_accepted_in_any_spelling(client: httpx2.AsyncClient, content_type: str) -> None:
    answer = await client.post("/math/mcp/call", content=ADD, headers={"content-type": content_type})
    assert answer.json() == {"result": 3}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("accept", ["text/html", "text/html, image/*", "application/xml;q=0.9"])
async def test_accept_header_that_excludes_json_is_406(client: httpx2.AsyncClient, url: str, accept: str) -> None:
    answer = await client.post(url, content=ADD, headers={"content-type": "application/json", "accept": accept})
    assert (answer.status_code, answer.json()["type"]) == (406, "urn:multi-mcp:error:not-acceptable")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "", " ", "application/*", "APPLICATION/JSON", "text/html, */*;q=0.1", "application/problem+json"],
)
async def test_accept_header_that_allows_json_is_accepted(client: httpx2.AsyncClient, accept: str) -> None:
    answer = await client.post("/call", content=ADD, headers={"content-type": "application/json", "accept": accept})
    assert answer.json() == {"result": 3}


async def test_several_accept_headers_are_one_list(client: httpx2.AsyncClient) -> None:
    headers = [("content-type", "application/json"), ("accept", "text/html"), ("accept", "application/json")]
    assert (await client.post("/call", content=ADD, headers=headers)).json() == {"result": 3}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"null",
        b'"add_tool"',
        b"1",
        b'{"tool": "add_tool", "arguments": {"a": NaN, "b": 1}}',
        b'{"tool": "add_tool", "arguments": {"a": Infinity, "b": 1}}',
        b'{"tool": "\\ud800"}',
        b'{"tool": "\xff"}',
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b'{"tool": "add_tool"} {}',
        b"[" * 5000,
        b'{"a":' * 1500,
    ],
)
async def test_body_that_is_not_a_json_object_is_400(client: httpx2.AsyncClient, url: str, body: bytes) -> None:
    answer = await client.post(url, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")


async def test_last_of_duplicate_keys_counts(client: httpx2.AsyncClient) -> None:
    body = b'{"tool": "nothing", "tool": "add_tool", "arguments": {"a": 1, "a": 5, "b": 2}}'
    answer = await client.post("/math/mcp/call", content=body, headers={"content-type": "application/json"})
    assert answer.json() == {"result": 7}


@pytest.mark.parametrize("url", URLS)
async def test_body_over_the_limit_is_413_by_its_content_length(make_app: MakeApp, url: str) -> None:
    app = make_app(servers_dir=(shipped(),), max_body=len(ADD) - 1)
    answer = await ask(app, "POST", url, [HOST, JSON, (b"content-length", b"%d" % len(ADD))], None)
    assert (answer.status, answer.document["type"]) == (413, "urn:multi-mcp:error:too-large")
    assert answer.document["detail"] == f"The body must be at most {len(ADD) - 1} bytes."
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("chunks", [[ADD], [ADD[:20], ADD[20:]], [ADD, b"x", b"y"], [ADD, None]])
async def test_chunked_body_is_413_as_soon_as_it_exceeds_the_limit(
    make_app: MakeApp, chunks: list[bytes | None]
) -> None:
    app = make_app(servers_dir=(shipped(),), max_body=len(ADD) - 1)
    answer = await ask(app, "POST", "/call", [HOST, JSON, (b"transfer-encoding", b"chunked")], *chunks)
    assert answer.status == 413


@pytest.mark.slow
async def test_body_of_exactly_the_limit_is_accepted_in_any_chunks(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),), max_body=len(ADD))
    for chunks in ([ADD], [ADD[:7], b"", ADD[7:]], [*(ADD[at : at + 1] for at in range(len(ADD)))]):
        answer = await ask(app, "POST", "/call", [HOST, JSON], *chunks)
        assert answer.document == {"result": 3}


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"ten"])
async def test_content_length_that_is_not_a_number_is_not_trusted(make_app: MakeApp, length: bytes) -> None:
    app = make_app(servers_dir=(shipped(),))
    answer = await ask(app, "POST", "/call", [HOST, JSON, (b"content-length", length)], ADD)
    assert answer.status == 413


@pytest.mark.slow
async def test_client_that_disconnects_within_its_body_calls_nothing(make_app: MakeApp) -> None:
    app = make_app(servers_dir=(shipped(),))
    for chunks in ([None], [ADD[:20], None], [ADD, None]):
        answer = await ask(app, "POST", "/call", [HOST, JSON], *chunks)
        assert answer.status == 499
