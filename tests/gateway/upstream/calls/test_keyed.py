"""Calls with an idempotency key of tools elsewhere: each runs once there, and every interface repeats its answer."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx2
import pytest

from tests import wire
from tests.contract.test_cached import KEY, WAYS, Endpoints
from tests.gateway.upstream.conftest import Serving, entry
from tests.gateway.upstream.http.peer import Asked, modern
from tests.gateway.upstream.http.peer import serving as peers

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("add_tool", {"a": 1, "b": 2}),
    ("echo", {"message": "é"}),
    *((name, {}) for name in ("fail", "refuse", "image", "nothing", "erase")),
]


async def ready(http: httpx2.AsyncClient) -> Endpoints:
    with anyio.fail_after(10):
        while (await http.get("/kinds/mcp/health")).json()["status"] != "ok":
            await anyio.sleep(0.02)
    return Endpoints(http)


async def calls_seen(http: httpx2.AsyncClient) -> int:
    """Returns the calls that the peer has received, with this one."""
    answer = await http.post("/kinds/mcp/call", json={"tool": "seen"})
    count: int = json.loads(answer.json()["result"])["calls"]
    return count


def without_id(answer: Any) -> Any:
    if isinstance(answer, tuple):
        return answer[0], {key: value for key, value in answer[1].items() if key != "requestId"}
    return answer


@pytest.mark.parametrize("how", ["", "legacy"])
async def test_answer_of_a_tool_elsewhere_is_repeated_over_every_interface(serving: Serving, how: str) -> None:
    async with serving(kinds=entry(how)) as http:
        ask = await ready(http)
        for tool, arguments in CASES:
            expected = {way: without_id(await ask(way, tool, arguments, {})) for way in WAYS}
            before = await calls_seen(http)
            for first in WAYS:
                key = {KEY: f"{tool}-{first}".replace(" ", "-")}
                ways = {first: without_id(await ask(first, tool, arguments, key))}
                ways |= {way: without_id(await ask(way, tool, arguments, key)) for way in WAYS}
                assert (tool, first, ways) == (tool, first, expected)
            assert await calls_seen(http) == before + len(WAYS) + 1


async def test_call_whose_server_died_does_not_run_again(serving: Serving) -> None:
    async with serving(kinds=entry()) as http:
        await ready(http)
        answers = []
        for _ in range(2):
            answers.append(await http.post("/kinds/mcp/call", json={"tool": "die"}, headers={KEY: "one"}))
            await ready(http)
        assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(502, "unknown")] * 2
        assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]
        assert await calls_seen(http) == 1


async def test_call_of_a_tool_that_the_entry_names_idempotent_runs_again_after_its_server_died(
    serving: Serving,
) -> None:
    async with serving(kinds=entry(idempotent=["d*"])) as http:
        await ready(http)
        answers = []
        for _ in range(2):
            answers.append(await http.post("/kinds/mcp/call", json={"tool": "die"}, headers={KEY: "one"}))
            await ready(http)
        assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(502, "unknown")] * 2
        assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, None]


async def test_key_stays_with_the_router(serving: Serving) -> None:
    async def listed(asked: Asked) -> None:
        tools = {"tools": [{"name": "tool", "inputSchema": {"type": "object"}}], "ttlMs": 0, "cacheScope": "private"}
        asked.result({"resultType": "complete", **tools} if asked.rpc == "tools/list" else {"content": []})

    async with peers(modern(listed)) as peer, serving(kinds={"url": peer.url}) as http:
        await ready(http)
        headers, body = wire.modern("tools/call", name="tool", arguments={})
        body["params"]["_meta"] |= {"multi-mcp/idempotency-key": "one", "mine": 1}
        assert (await http.post("/kinds/mcp", json=body, headers=headers)).status_code == 200
        [sent] = peer.named("tools/call")
        meta = sent.message["params"]["_meta"]
        assert ("mine" in meta, "multi-mcp/idempotency-key" in meta) == (True, False)
