"""Bodies that the challenge reads. None is changed, and no encoding bypasses the scopes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from tests import wire
from tests.conftest import MakeApp
from tests.routes.native.conftest import scoped_app
from tests.routes.raw import HOST, ask
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient


def limited_app(make_app: MakeApp, tmp_path: Path) -> Starlette:
    """Returns the application. Tests that read its log call this themselves: a fixture writes to another stream."""
    return scoped_app(make_app, tmp_path, max_body=2000)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path, key: dict[str, str]) -> Starlette:
    return limited_app(make_app, tmp_path)


@pytest.mark.parametrize("chunks", [1, 7, 300])
async def test_body_may_come_in_chunks(app: Starlette, key: dict[str, str], chunks: int) -> None:
    headers, body = wire.modern("tools/call", name="secret", arguments={})
    pairs = [HOST, *((name.encode(), value.encode()) for name, value in {**headers, **key}.items())]
    text = json.dumps(body).encode()
    size = len(text) // chunks + 1
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert (await ask(app, "POST", "/one/mcp", pairs, *pieces)).status == 403


async def test_byte_order_mark_hides_no_call(http: Http) -> None:
    headers, body = wire.modern("tools/call", name="secret", arguments={})
    answer = await http.post("/one/mcp", content=b"\xef\xbb\xbf" + json.dumps(body).encode(), headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_too_large_body_gets_413(http: Http, url: str) -> None:
    for headers in (wire.BOTH_TYPES, wire.modern("tools/call", name="secret")[0]):
        body = wire.request("tools/call", name="secret", arguments={"padding": "x" * 3000})
        assert (await http.post(url, json=body, headers=headers)).status_code == 413


INVALID_CALLS: list[bytes] = [
    b"",
    b"{",
    b'["tools/call"]',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 1}}',
    b'{"jsonrpc": "2.0", "id": null, "method": "tools/call", "params": {"name": "secret"}}',
    b'{"jsonrpc": "2.0", "id": true, "method": "tools/call", "params": {"name": "secret"}}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "secret", "arguments": [1]}}',
    b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "secret"}}]',
    b'{"a": "tools/call", "b": ' + b"[" * 900,
]


@pytest.mark.parametrize("body", INVALID_CALLS)
@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_invalid_call_is_refused_by_the_endpoint(http: Http, url: str, body: bytes) -> None:
    for headers in (wire.BOTH_TYPES, wire.modern("tools/call", name="secret")[0]):
        answer = await http.post(url, content=body, headers=headers)
        assert (answer.status_code, '"result":' in answer.text) == (400, False)


@pytest.mark.parametrize(("url", "name"), [("/one/mcp", "secret"), ("/mcp", "one_secret")])
@pytest.mark.slow
async def test_call_that_the_challenge_does_not_recognise_is_refused_by_the_interceptor(
    make_app: MakeApp, tmp_path: Path, key: dict[str, str], url: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SDK also accepts UTF-16 and escaped JSON."""
    headers, body = wire.modern("tools/call", name=name, arguments={})
    text = json.dumps(body)
    async with opened(limited_app(make_app, tmp_path)) as http:
        for content in (text.encode("utf-16"), text.replace("tools/call", "tools\\/call").encode()):
            error = (await http.post(url, content=content, headers={**headers, **key})).json()["error"]
            assert (error["code"], error["data"]) == (-32000, {"type": "forbidden", "scope": "one:secret"})
    assert capsys.readouterr().err.count(" outcome=forbidden ") == 2


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
@pytest.mark.slow
async def test_other_http_methods_are_answered_by_the_endpoint(http: Http, method: str) -> None:
    assert (await http.request(method, "/one/mcp", headers=wire.BOTH_TYPES)).status_code in (400, 405)


@pytest.mark.parametrize(("url", "name"), [("/one/mcp", "secret"), ("/mcp", "one_secret")])
@pytest.mark.slow
async def test_client_that_disconnects_before_the_end_of_the_body_calls_nothing(
    make_app: MakeApp, tmp_path: Path, key: dict[str, str], url: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = limited_app(make_app, tmp_path)
    headers, body = wire.modern("tools/call", name=name, arguments={})
    pairs = [HOST, *((name.encode(), value.encode()) for name, value in {**headers, **key}.items())]
    text = json.dumps(body).encode()
    async with opened(app):
        for sent in (text[:40], text):
            await ask(app, "POST", url, pairs, sent, None)
        await ask(app, "POST", url, pairs, text)
    assert capsys.readouterr().err.count(" call request_id=") == 1
