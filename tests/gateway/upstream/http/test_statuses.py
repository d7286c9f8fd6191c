"""Redirects and statuses of HTTP, and which failures they are."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from gateway.upstream.link import LinkFailure, Refusal
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "isError": False}


def answering(status: int, body: bytes = b"", **headers: str) -> Any:
    async def answer(asked: Asked) -> None:
        asked.answer(body, status, "text/plain", {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


@ERAS
@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_origin_is_followed_with_its_body(speaking: Any, status: int) -> None:
    async def answer(asked: Asked) -> None:
        if asked.target == "/mcp":
            asked.answer(b"", status, headers={"location": "/mcp/?a=b"})
        else:
            asked.result(GOOD)

    async with serving(speaking(answer)) as peer, linked(peer.url, headers={"Authorization": "Bearer x"}) as link:
        assert await call(link) == GOOD
        assert [asked.target for asked in peer.named("tools/call")] == ["/mcp", "/mcp/?a=b"]
        first, second = (asked for asked in peer.named("tools/call"))
        assert (first.body, first.headers) == (second.body, second.headers)


@pytest.mark.parametrize(
    ("status", "location", "reason"),
    [
        (307, "http://elsewhere.example/mcp?secret", "redirects to http://elsewhere.example,"),
        (302, "/other", "does not keep the method"),
        (307, "//[", "redirect"),
        (308, "/mcp", "in a circle"),
        (304, "", "redirect"),
    ],
)
async def test_other_redirects_are_not_followed(status: int, location: str, reason: str) -> None:
    async with serving(modern(answering(status, location=location))) as peer, linked(peer.url) as link:
        with pytest.raises(LinkFailure, match=reason) as failed:
            await call(link)
        assert not failed.value.was_sent
        assert "secret" not in str(failed.value)


LATER = {"retry_after": formatdate(time() + 100, usegmt=True)}
STATUSES: list[tuple[int, Mapping[str, str], tuple[bool, bool]]] = [
    (400, {}, (False, False)),
    (401, {}, (False, False)),
    (403, {}, (False, False)),
    (404, {}, (False, False)),
    (429, {}, (False, False)),
    (429, {"retry_after": "7"}, (False, True)),
    (429, {"retry_after": "999999999999"}, (False, True)),
    (500, {"retry_after": "7"}, (True, False)),
    (502, {}, (True, False)),
    (503, {}, (True, False)),
    (503, {"retry_after": "0"}, (False, True)),
    (503, {"retry_after": "soon"}, (True, False)),
    (503, LATER, (False, True)),
    (504, {}, (True, False)),
]


@ERAS
@pytest.mark.parametrize(("status", "headers", "expected"), STATUSES)
async def test_a_status_says_if_the_call_was_executed(
    speaking: Any, status: int, headers: Mapping[str, str], expected: tuple[bool, bool]
) -> None:
    async with serving(speaking(answering(status, b"<p>secret</p>", **headers))) as peer, linked(peer.url) as link:
        with pytest.raises(LinkFailure) as failed:
            await call(link)
        failure = failed.value
        assert (failure.was_sent, failure.retry_after is not None) == expected
        assert failure.retry_after is None or 1 <= failure.retry_after <= 3600
        assert "secret" not in str(failure)


@pytest.mark.parametrize(
    ("speaking", "status"),  # in the era of sessions, 404 is a lost session
    [
        *((modern, status) for status in (200, 400, 404, 405, 429, 500, 503)),
        (legacy, 200),
        (legacy, 400),
        (legacy, 500),
    ],
)
async def test_an_error_of_json_rpc_is_a_refusal_whatever_its_status(speaking: Any, status: int) -> None:
    async def answer(asked: Asked) -> None:
        asked.answer(asked.encoded(error={"code": -32602, "message": "no", "data": [1]}), status)

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        with pytest.raises(Refusal) as refused:
            await call(link)
        assert (refused.value.code, refused.value.message, refused.value.data) == (-32602, "no", [1])
