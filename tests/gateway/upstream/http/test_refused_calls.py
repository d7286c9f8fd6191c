"""A status with which a server elsewhere refuses a call, as clients of the router see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import ERAS, Era, connected, error_of, post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked, legacy, modern
from tests.gateway.upstream.http.peer import serving as serving_peer

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
LATER = {"Retry-After": "7"}
CASES: dict[str, tuple[int, dict[str, str], int, str, int | None]] = {
    "401": (401, {}, 502, "upstream-error", None),
    "403": (403, {}, 502, "upstream-error", None),
    "429": (429, LATER, 503, "unavailable", 7),
    "503": (503, LATER, 503, "unavailable", 7),
    "a long pause": (503, {"Retry-After": "86400"}, 503, "unavailable", 3600),
    "500": (500, {}, 502, "upstream-error", None),
}


@pytest.mark.parametrize("speaking", [modern, legacy])
@pytest.mark.parametrize(("refusal", "headers", "code", "slug", "pause"), CASES.values(), ids=CASES)
async def test_refusal_is_never_the_callers_and_a_pause_is_passed_on(
    serving: Serving, speaking: Any, refusal: int, headers: dict[str, str], code: int, slug: str, pause: int | None
) -> None:
    async def answer(asked: Asked) -> None:
        if asked.rpc == "tools/list":
            asked.result({"tools": [{"name": "tool", "inputSchema": {"type": "object"}}]})
        else:
            asked.answer(b"secret", refusal, headers=headers)

    async with serving_peer(speaking(answer)) as peer, serving(one={"url": peer.url}) as http:
        await status(http)
        found = await post(http, "tool")
        assert (found.status_code, found.json()["type"]) == (code, f"urn:multi-mcp:error:{slug}")
        assert found.headers.get("retry-after") == (None if pause is None else str(pause))
        assert "www-authenticate" not in found.headers
        assert "secret" not in found.text
        if slug == "upstream-error":
            assert found.json()["outcome"] == ("unknown" if refusal == 500 else "not-executed")
        era: Era
        for era in ERAS:
            async with connected(http, era) as client:
                error = await error_of(client, "tool")
                assert (error["code"], error["data"]["type"]) == (-32000, slug)
                assert error["data"].get("retryAfter") == pause
        assert len(peer.named("tools/call")) == 3  # none was sent again
