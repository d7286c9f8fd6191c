"""Whatever an author's code raises is a crash of its one call, and neither a session nor another server notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import httpx2
import pytest
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.applications import Starlette

from tests import wire
from tests.clients import ERAS, open_session
from tests.conftest import MakeApp, server_of
from tests.contract.raising import RAISED, TOOLS, serve_others
from tests.documents import GRAPHQL
from tests.matrix.target import Target
from tests.matrix.ways import NATIVE, SLOWLY, WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio
URLS = ("/one/mcp", "/two/mcp", "/mcp")


async def add(a: int, b: int) -> int:
    return a + b


@asynccontextmanager
async def unharmed(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    """Checks afterwards that old and new sessions of every endpoint and calls in plain JSON still work."""
    async with opened(app) as http:
        sessions = [(url, await open_session(http, url)) for url in URLS]
        yield http
        sessions += [(url, await open_session(http, url)) for url in URLS]
        for url, session in sessions:
            tool = "two_add" if url == "/mcp" else "add"
            body = wire.request("tools/call", name=tool, arguments={"a": 1, "b": 2})
            answer = wire.messages((await http.post(url, json=body, headers=session)).text)[-1]
            assert answer["result"]["structuredContent"] == {"result": 3}
        for way in WAYS.values():
            assert (await way(Target(app, http), "add", {"a": 1, "b": 2}, {})).value == 3
        health = await http.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("way", SLOWLY)
@pytest.mark.slow
async def test_whatever_a_tool_raises_is_a_crash_of_its_call(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    app = make_app(server_of(add, *TOOLS), server_of(add, name="two"), graphql=GRAPHQL)
    async with unharmed(app) as http:
        for tool, kind in product([tool.__name__ for tool in TOOLS], RAISED):
            caplog.clear()
            outcome = await WAYS[way](Target(app, http), tool, {"kind": kind}, {})
            if way in NATIVE:
                assert outcome.problem["content"] == [{"type": "text", "text": f"Error executing tool {tool}"}]
            else:
                assert (tool, kind, outcome.slug, outcome.status) == (tool, kind, "tool-crashed", 500)
            assert "secret" not in str(outcome)
            [record] = [record for record in caplog.records if record.levelname == "ERROR"]
            assert tool in record.getMessage()


@pytest.mark.parametrize("way", [way for way in SLOWLY if way.values != ("graphql",)])  # which knows no such argument
@pytest.mark.slow
async def test_whatever_middleware_of_an_author_raises_is_a_crash_of_its_call(make_app: MakeApp, way: str) -> None:
    async def raises(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        kind = ((ctx.params or {}).get("arguments") or {}).get("kind")
        if kind is not None:
            RAISED[kind]()
        return await call_next(ctx)

    app = make_app(server_of(add, middleware=[raises]), server_of(add, name="two"), graphql=GRAPHQL)
    async with unharmed(app) as http:
        for kind in RAISED:
            outcome = await WAYS[way](Target(app, http), "add", {"kind": kind}, {})
            assert (kind, outcome.slug) == (kind, "tool-crashed")


def requests(kind: str, name: str, scheme: str) -> list[tuple[str, dict[str, Any]]]:
    completed = {"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "kind", "value": kind}}
    return [
        ("resources/read", {"uri": f"{scheme}://{kind}"}),
        ("prompts/get", {"name": name, "arguments": {"kind": kind}}),
        ("completion/complete", completed),
    ]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("url", "name", "scheme"), [("/one/mcp", "prompt", "broken"), ("/mcp", "one_prompt", "one+broken")]
)
@pytest.mark.slow
async def test_whatever_a_resource_prompt_or_completion_raises_is_an_error_of_its_request(
    make_app: MakeApp, era: str, url: str, name: str, scheme: str
) -> None:
    server = server_of(add)
    serve_others(server)
    app = make_app(server, server_of(add, name="two"), graphql=GRAPHQL)
    async with unharmed(app) as http:
        session = await open_session(http, url)
        for kind in RAISED:
            for method, params in requests(kind, name, scheme):
                headers, body = wire.modern(method, **params)
                if era == "legacy":
                    headers, body = session, wire.request(method, **params)
                answer = await http.post(url, json=body, headers=headers)
                message = answer.json() if era == "modern" else wire.messages(answer.text)[-1]
                assert (method, kind, "error" in message) == (method, kind, True)
                assert "secret" not in answer.text


async def test_unknown_prompt_is_a_mistake_of_its_client(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    server = server_of(add)
    serve_others(server)
    headers, body = wire.modern("prompts/get", name="unknown")
    async with opened(make_app(server)) as http:
        error = (await http.post("/one/mcp", json=body, headers=headers)).json()["error"]
    assert (error["code"], error["message"]) == (-32602, "Unknown prompt: unknown")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
