"""Checks that no session, header or secret reaches callers or servers elsewhere that it is not for."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import wire
from tests.clients import ERAS, open_session
from tests.gateway.upstream.conftest import Serving, entry, status, written
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.ports import free_port
from tests.process.live.router import Router

pytestmark = [pytest.mark.anyio, pytest.mark.process]
SECRET = "s3cret-0f-the-environment"
OF_CALLERS = (
    "authorization", "cookie", "x-api-key", "api-key", "proxy-authorization", "x-auth-token", "x-forwarded-for",
    "forwarded", "x-real-ip", "from", "referer", "x-github-token", "x-amz-security-token", "x-goog-iap-jwt-assertion",
    "baggage", "mcp-secret", "x-mcp-header", "tracestate", "x-request-id", "user-agent", "accept-language", "origin-id",
)  # fmt: skip


async def native(http: httpx2.AsyncClient, era: str, tool: str, headers: dict[str, str]) -> str:
    """Calls a tool of `one` in a new session, or without one, and returns its text."""
    if era == "modern":
        needed, body = wire.modern("tools/call", name=tool, arguments={})
    else:
        needed = await open_session(http, "/one/mcp", headers)
        body = wire.request("tools/call", 2, name=tool, arguments={})
    answer = await http.post("/one/mcp", json=body, headers={**needed, **headers})
    message = wire.messages(answer.text)[-1] if "event-stream" in answer.headers["content-type"] else answer.json()
    text: str = message["result"]["content"][0]["text"]
    return text


@pytest.mark.parametrize("era", ERAS)
async def test_no_header_of_a_caller_goes_on(serving: Serving, sdk_url: str, era: str) -> None:
    sent = {name: f"leak-{number}" for number, name in enumerate(OF_CALLERS)}
    async with serving(one={"url": sdk_url, "era": era, "headers": {"x-own": "of the entry"}}) as http:
        await status(http)
        seen = [
            (await http.post("/one/mcp/call", json={"tool": "headers"}, headers=sent)).text,
            (await http.post("/one/mcp/tools/headers", json={}, headers=sent)).text,
            (await http.post("/call", json={"tool": "one_headers"}, headers=sent)).text,
            *[await native(http, client, "headers", sent) for client in ERAS],
        ]
    assert ["of the entry" in text for text in seen] == [True] * 5
    assert [text for text in seen if "leak" in text] == []


async def test_no_two_callers_and_no_two_sessions_share_a_session_elsewhere(
    serving: Serving, sdk_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        entry_ = {"url": sdk_url, "era": "legacy"}
        http = await stack.enter_async_context(serving(principals(tmp_path), one=entry_))

        async def over_json(who: dict[str, str]) -> str:
            answer = await http.post("/one/mcp/call", json={"tool": "session"}, headers=who)
            return str(answer.json()["result"])

        kept = {name: [await over_json(who) for _ in range(3)] for name, who in (("a", GREEDY), ("b", MODEST))}
        modern = {name: await native(http, "modern", "session", who) for name, who in (("a", GREEDY), ("b", MODEST))}
        sessions = [await native(http, "legacy", "session", who) for who in (GREEDY, GREEDY, MODEST, MODEST)]

    assert [len({*ids}) for ids in kept.values()] == [1, 1]
    of_a, of_b = {*kept["a"], modern["a"], *sessions[:2]}, {*kept["b"], modern["b"], *sessions[2:]}
    assert "" not in of_a | of_b
    assert of_a & of_b == set()
    assert len({*sessions}) == 4
    assert {*sessions} & {*kept["a"], *kept["b"], *modern.values()} == set()


def entries(sdk_url: str) -> dict[str, Any]:
    key = {"Authorization": "Bearer ${SECRET}"}
    nowhere = f"http://127.0.0.1:{free_port()}/mcp"
    return {
        "good": entry(env={"KEY": "${SECRET}"}),
        "exits": entry("exit", env={"KEY": "${SECRET}"}),
        "missing": {"command": "/nowhere/${SECRET}", "args": ["${SECRET}"], "cwd": "/${SECRET}"},
        "far": {"url": sdk_url, "headers": key},
        "gone": {"url": f"{nowhere}?key=${{SECRET}}", "headers": key},
        "odd": {"url": "http://${SECRET}:port/mcp", "headers": key},
        "line": {"url": sdk_url, "headers": {"X-Key": "${SECRET}\n"}},
    }


def test_values_of_the_environment_are_in_no_log_and_no_answer(sdk_url: str, tmp_path: Path) -> None:
    file = written(tmp_path, entries(sdk_url))
    seen: dict[str, Any] = {}
    with Router(tmp_path, MCP_SERVERS_FILE=file, SECRET=SECRET, LOG_LEVEL="debug", MCP_DOCS="1") as router:
        router.await_table()
        for server in entries(sdk_url):
            for tool in ("die", "nonsense", "add"):
                seen[f"{server} {tool}"] = router.call(server, tool, a=1, b=2)
            for page in ("health", "tools"):
                seen[f"{server} {page}"] = router.get(f"/{server}/mcp/{page}")
        for page in ("/health", "/tools", "/openapi.json", "/servers", "/"):
            with router.sent("GET", page) as answer:
                seen[page] = answer.read().decode()
        seen["log"], seen["table"] = router.log(), router.table
    assert {key for key, text in seen.items() if SECRET in json.dumps(text)} == set()
    states = {server: seen[f"{server} health"]["status"] for server in entries(sdk_url)}
    assert (states["good"], states["far"]) == ("ok", "ok")
    assert {states[server] for server in ("exits", "missing", "gone", "odd", "line")} <= {"failing", "starting"}
