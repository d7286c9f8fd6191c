"""The HTTP form of a rate-limit refusal: status, headers, problem document."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


def structured(field: str) -> dict[str, dict[str, Any]]:
    """Parses a structured field (RFC 9651) that is a list of names with integer parameters."""
    members = {}
    for member in field.split(", "):
        match = re.fullmatch(r'"([ -!#-\[\]-~]+)"((?:;[a-z]+=\d+)+)', member)
        assert match is not None, member
        members[match[1]] = {key: int(value) for key, value in re.findall(r"([a-z]+)=(\d+)", match[2])}
    return members


@pytest.mark.slow
async def test_refusal_states_the_limits_and_the_wait(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="2/minute, 1000/day")) as http:
        assert [(await post(http, "add")).status_code for _ in range(2)] == [200, 200]
        refused = await post(http, "add")
        document = refused.json()
    assert refused.status_code == 429
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert structured(refused.headers["ratelimit-policy"]) == {
        "default/60": {"q": 2, "w": 60},
        "default/86400": {"q": 1000, "w": 86_400},
    }
    assert structured(refused.headers["ratelimit"]) == {"default/60": {"r": 0, "t": seconds}}
    assert document.pop("requestId")
    assert document == {
        "type": "urn:multi-mcp:error:rate-limited",
        "title": "Too many requests",
        "status": 429,
        "detail": f"Rate limit exceeded: 2 calls in 60 s. Retry in {seconds} s.",
        "server": "one",
        "tool": "add",
        "retryAfter": seconds,
    }


async def test_single_window_is_named_after_its_rule(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="100/minute; one:a*=1/hour")) as http:
        await post(http, "add")
        refused = await post(http, "add")
    assert structured(refused.headers["ratelimit-policy"]) == {"one:a*": {"q": 1, "w": 3600}}
    assert list(structured(refused.headers["ratelimit"])) == ["one:a*"]


async def test_cors_exposes_the_rate_limit_headers(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="1/minute")) as http:
        http.headers["origin"] = "http://localhost:3000"
        await post(http, "add")
        exposed = (await post(http, "add")).headers["access-control-expose-headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)
