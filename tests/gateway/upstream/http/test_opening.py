"""How a link is opened: its URL and its headers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.opening import HttpOpening
from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, ignored, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


async def reason(entry: dict[str, Any], environ: dict[str, str]) -> str:
    """Returns why a link cannot be opened."""
    with pytest.raises(LinkFailure) as failed:
        await HttpOpening(Clients(Upstream.model_validate({"type": "http", **entry}), environ))(ignored)
    assert not failed.value.was_sent
    return str(failed.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://127.0.0.1/mcp", "url: it must begin with http:// or https://"),
        ("127.0.0.1:80/mcp", "url: it must begin with http:// or https://"),
        ("http://user:secret@127.0.0.1/mcp", "url: a name or password belongs in `headers`"),
        ("http://127.0.0.1/mcp#secret", "url: it may have no fragment"),
        ("http:///mcp?secret", "url: it has no host"),
        ("http://127.0.0.1/a secret", "url: it has characters that must be percent-encoded"),
        ("http://127.0.0.1/\u00e4secret", "url: it has characters that must be percent-encoded"),
        ("http://127.0.0.1:99999/secret", "url: it is not a URL"),
        ("http://[::1/secret", "url: it is not a URL"),
        (f"http://{'a' * 70}.example/secret", "url: it is not a URL"),
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_without_being_repeated(url: str, expected: str) -> None:
    assert await reason({"url": url}, {}) == expected


async def test_variables_are_replaced_each_time_a_link_is_opened() -> None:
    environ: dict[str, str] = {}
    async with serving(modern(good)) as peer:
        entry = {"url": "${URL}", "headers": {"Authorization": "Bearer ${KEY}"}}
        assert await reason(entry, environ) == "headers.Authorization: the variable KEY is not set"
        environ |= {"KEY": "secret", "URL": peer.url}
        link = await HttpOpening(Clients(Upstream.model_validate({"type": "http", **entry}), environ))(ignored)
        await call(link)
        await link.close()
        assert [asked.headers["authorization"] for asked in peer.asked] == ["Bearer secret"] * 2


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X-Key", "a\r\nX-Other: secret", "headers.X-Key: a character that no header may have"),
        ("X-Key", "\u20ac secret", "headers.X-Key: a character that no header may have"),
        ("X Key", "secret", "headers: 'X Key' is no name of a header"),
        ("Host", "secret", "headers: Host is set by the router itself"),
        ("Mcp-Session-Id", "secret", "headers: Mcp-Session-Id is set by the router itself"),
        ("transfer-encoding", "chunked", "headers: transfer-encoding is set by the router itself"),
    ],
)
async def test_a_header_that_cannot_be_sent_is_refused_without_its_value(name: str, value: str, expected: str) -> None:
    assert await reason({"url": "http://127.0.0.1/", "headers": {name: "${V}"}}, {"V": value}) == expected


async def test_an_entry_may_name_the_program_that_asks() -> None:
    async with serving(modern(good)) as peer:
        for headers, expected in (({}, "multi-mcp"), ({"User-Agent": "ours"}, "ours")):
            async with linked(peer.url, headers=headers):
                assert peer.asked[-1].headers["user-agent"] == expected


AS_HEADERS = ("headersFile", '{"Authorization": "Bearer %s"}')
AS_TOKEN = ("tokenFile", "%s\n")


@pytest.mark.parametrize("speaking", [modern, legacy])
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("kind", [AS_HEADERS, AS_TOKEN], ids=["headers", "token"])
async def test_a_call_is_sent_again_once_if_the_file_of_its_credential_has_changed(
    tmp_path: Path, speaking: Any, status: int, kind: tuple[str, str]
) -> None:
    field, content = kind
    file = tmp_path / "file"
    file.write_text(content % "old")
    accepted = "Bearer old"

    async def answer(asked: Asked) -> None:
        if asked.headers["authorization"] == accepted:
            asked.result(GOOD)
        else:
            asked.answer(asked.encoded(error={"code": -32000, "message": "secret"}), status)

    async with serving(speaking(answer)) as peer, linked(peer.url, ignored, **{field: str(file)}) as link:
        assert await call(link) == GOOD
        accepted = "Bearer new"
        with pytest.raises(LinkFailure, match=rf"^unauthorized \(status {status}\)$") as failed:
            await call(link)
        assert (failed.value.was_sent, len(peer.named("tools/call"))) == (False, 2)
        fresh = tmp_path / "fresh.json"
        fresh.write_text(content % "new")
        os.replace(fresh, file)
        # All that were sent with the old header, not the first alone.
        assert await asyncio.gather(*(call(link) for _ in range(9))) == [GOOD] * 9
        assert len(peer.named("tools/call")) <= 2 + 2 * 9
        file.write_text("broken {")
        assert await call(link) == GOOD


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "headersFile: No such file or directory"),
        ("{", "headersFile: not JSON"),
        ('["secret"]', "headersFile: expected a JSON object whose values are texts"),
        ('{"X": 1}', "headersFile: expected a JSON object whose values are texts"),
        ('{"Host": "secret"}', "headersFile: Host is set by the router itself"),
        ('{"X": "%s"}' % ("x" * 70_000), "headersFile: larger than 65536 bytes"),
    ],
)
async def test_a_file_of_headers_that_cannot_be_read_is_named(
    tmp_path: Path, content: str | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / "headers.json").write_text(content)
    assert await reason({"url": "http://127.0.0.1/", "headersFile": f"{tmp_path}/headers.json"}, {}) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "tokenFile: No such file or directory"),
        ("", "tokenFile: expected a bearer token and nothing else"),
        ("secret\r\nX-Other: secret", "tokenFile: expected a bearer token and nothing else"),
        ("Bearer secret", "tokenFile: expected a bearer token and nothing else"),
        ("x" * 70_000, "tokenFile: larger than 65536 bytes"),
    ],
)
async def test_a_file_with_a_token_that_cannot_be_used_is_named(
    tmp_path: Path, content: str | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    assert await reason({"url": "http://127.0.0.1/", "tokenFile": f"{tmp_path}/token"}, {}) == expected


async def test_a_file_of_headers_may_set_none_that_the_file_with_the_token_sets(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "headers").write_text('{"Authorization": "secret"}')
    entry = {"url": "http://127.0.0.1/", "tokenFile": f"{tmp_path}/token", "headersFile": f"{tmp_path}/headers"}
    assert await reason(entry, {}) == "headersFile: Authorization is set by the router itself"
