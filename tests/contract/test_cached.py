"""Every kind of tool, cached: a hit equals the response of an uncached call through the same endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from gateway.local.discovery import discover, load
from gateway.sdk.internals import tools_of
from tests import wire
from tests.conftest import MakeApp
from tests.contract.expected import ARGUMENTS, CONTENT, VALUES
from tests.contract.ways import SERVERS
from tests.transport import opened

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The logging capability is deprecated"),
]
CASES = [(tool, arguments) for tool, arguments, _ in [*VALUES, *CONTENT, *ARGUMENTS]]
CASES += [("reports", {"steps": 2}), ("with_image", {}), ("bare_with_context", {"count": 3}), ("lifespan_state", {})]
KEY = "idempotency-key"
REFRESH = {"cache-control": "no-cache"}
WAYS = ("call", "tool url", "modern", "legacy", "aggregate modern", "aggregate legacy")
BOTH_FORMS = ("call", "modern")
FIRST = {"call": BOTH_FORMS, "modern": BOTH_FORMS, "aggregate modern": BOTH_FORMS, "legacy": WAYS}
"""The endpoints whose call stores a result, each with the endpoints that are asked for it.

An entry has two forms, one for JSON and one for MCP. BOTH_FORMS has an endpoint for each."""


def exact(text: str) -> Any:
    """Reads JSON so that 1 and 1.0 differ."""
    return json.loads(text, parse_float=lambda number: f"the number {number}")


class Endpoints:
    """Calls tools of one application through every endpoint, and returns the responses on the wire."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self._sessions: dict[str, str] = {}

    async def __call__(self, way: str, tool: str, arguments: dict[str, Any], headers: dict[str, str]) -> Any:
        if way == "call":
            return await self._plain("/kinds/mcp/call", {"tool": tool, "arguments": arguments}, headers)
        if way == "tool url":
            return await self._plain(f"/kinds/mcp/tools/{tool}", arguments, headers)
        url, name = ("/mcp", f"kinds_{tool}") if way.startswith("aggregate") else ("/kinds/mcp", tool)
        if way.endswith("legacy"):
            needed = wire.in_session(await self._session(url))
            body = wire.request("tools/call", name=name, arguments=arguments, _meta={})
        else:
            needed, body = wire.modern("tools/call", name=name, arguments=arguments)
        if KEY in headers:
            body["params"]["_meta"]["multi-mcp/idempotency-key"] = headers[KEY]
        answer = await self.http.post(url, json=body, headers={**needed, **headers})
        is_stream = answer.headers["content-type"].startswith("text/event-stream")
        if not is_stream:
            return exact(answer.text)
        data = [line.removeprefix("data:") for line in answer.text.split("\n") if line.startswith("data:")]
        return exact(data[-1])

    async def ran(self) -> list[str]:
        answer = await self.http.post("/kinds/mcp/call", json={"tool": "ran_since"})
        return answer.json()["result"]  # type: ignore[no-any-return]

    async def _plain(self, url: str, body: Any, headers: dict[str, str]) -> Any:
        answer = await self.http.post(url, json=body, headers=headers)
        return answer.status_code, exact(answer.text)

    async def _session(self, url: str) -> str:
        if url not in self._sessions:
            opening = await self.http.post(url, json=wire.INITIALIZE, headers=wire.BOTH_TYPES)
            self._sessions[url] = opening.headers["mcp-session-id"]
            await self.http.post(url, json=wire.INITIALIZED, headers=wire.in_session(self._sessions[url]))
        return self._sessions[url]


@pytest.fixture
async def uncached(make_app: MakeApp) -> AsyncIterator[Endpoints]:
    [(_, mcp)] = load(discover([SERVERS]))
    async with opened(make_app(mcp)) as http:
        yield Endpoints(http)


@pytest.fixture
async def cached(make_app: MakeApp) -> AsyncIterator[Endpoints]:
    [(_, mcp)] = load(discover([SERVERS]))
    for tool in tools_of(mcp):
        if tool.name != "ran_since":
            tool.meta = {"cache": {"ttl": 600}}
    async with opened(make_app(mcp)) as http:
        yield Endpoints(http)


@pytest.mark.parametrize("part", range(4))
async def test_hit_equals_the_response_of_an_uncached_call(cached: Endpoints, uncached: Endpoints, part: int) -> None:
    for tool, arguments in CASES[part::4]:
        expected = {way: await uncached(way, tool, arguments, {}) for way in WAYS}
        for first, ways in FIRST.items():
            missed = await cached(first, tool, arguments, REFRESH)
            answers = {way: await cached(way, tool, arguments, {}) for way in ways}
            assert (tool, first, missed) == (tool, first, expected[first])
            assert (tool, first, answers) == (tool, first, {way: expected[way] for way in ways})
        assert await cached.ran() == [tool] * len(FIRST)
