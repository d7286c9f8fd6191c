"""Bodies as people send them: empty, with a byte order mark, encoded; and what a refusal says about one."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.routes.json_api.test_body import ADD, URLS
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty."),
        (b" \r\n", "The body is empty."),
        (b"\xef\xbb\xbf", "The body is empty."),
        (ADD.decode().encode("utf-16"), "The body is not UTF-8."),
        (b"[1]", "The body must be a JSON object, not an array."),
        (b'"a"', "The body must be a JSON object, not a string."),
        (b"true", "The body must be a JSON object, not a boolean."),
        (b"1", "The body must be a JSON object, not a number."),
        (b"0.5", "The body must be a JSON object, not a number."),
        (b"null", "The body must be a JSON object, not null."),
        (b"a=1", "The body is not JSON: expected value at line 1 column 1."),
    ],
)
async def test_refusal_of_a_body_says_what_is_wrong(
    client: httpx2.AsyncClient, url: str, body: bytes, detail: str
) -> None:
    answer = await client.post(url, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


@pytest.mark.parametrize("url", URLS)
async def test_byte_order_mark_is_read_over(client: httpx2.AsyncClient, url: str) -> None:
    body = b'{"a": 1, "b": 2}' if url.endswith("add_tool") else ADD
    answer = await client.post(url, content=b"\xef\xbb\xbf" + body, headers={"content-type": "application/json"})
    assert answer.json() == {"result": 3}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "x"])
async def test_encoded_body_is_415_with_what_is_accepted(client: httpx2.AsyncClient, url: str, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    answer = await client.post(url, content=ADD, headers=headers)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.json()["detail"] == "Send the body as it is, without Content-Encoding."


@pytest.mark.parametrize("encoding", ["identity", "Identity", "", "identity, identity"])
async def test_body_with_the_encoding_identity_is_read(client: httpx2.AsyncClient, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    assert (await client.post("/call", content=ADD, headers=headers)).json() == {"result": 3}


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}])
@pytest.mark.parametrize("body", [b"", b"\n"])
async def test_empty_body_calls_a_tool_that_requires_no_arguments(
    client: httpx2.AsyncClient, headers: dict[str, str], body: bytes
) -> None:
    for name in ("seen_tool", "seen"):
        answer = await client.post(f"/moody/mcp/tools/{name}", content=body, headers=headers)
        assert (answer.status_code, len(answer.json()["result"])) == (200, 2)
    answer = await client.post("/moody/mcp/tools/nothing", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-tool")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.slow
async def test_empty_body_of_an_html_form_is_415(client: httpx2.AsyncClient, content_type: str) -> None:
    answer = await client.post("/moody/mcp/tools/seen_tool", content=b"", headers={"content-type": content_type})
    assert answer.status_code == 415


async def test_empty_body_tells_nobody_of_a_tool_outside_the_scopes(make_app: MakeApp, tmp_path: Path) -> None:
    async def add(a: int) -> int:
        return a

    async def secret(a: int) -> int:
        return a

    key = bearer(add_key(tmp_path / "keys.json", "ci", "one:a*"))
    async with opened(make_app(server_of(add, secret), auth_keys=str(tmp_path / "keys.json"))) as http:
        answers = [await http.post(f"/one/mcp/tools/{name}", headers=key) for name in ("secret", "missing", "add")]
    assert [answer.status_code for answer in answers] == [403, 403, 400]
