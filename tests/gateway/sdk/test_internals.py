"""The private parts of the SDK that this project uses: these tests fail when the SDK changes them."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types import CallToolRequestParams, CompleteRequestParams, ErrorData, PromptReference
from opentelemetry import trace

from gateway.local.boundary import Boundary
from gateway.local.native_calls import NativeCalls
from gateway.sdk.internals import BUILT_IN, bus, has_author_hooks, low_level
from gateway.sdk.sessions.openings import Openings
from gateway.sdk.sessions.sessions import SessionManager
from gateway.sdk.tracing import OneSpan
from tests.clients import connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def echo(text: str) -> str:
    return text


async def own(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    return await call_next(ctx)


def kinds(mcp: MCPServer[Any]) -> list[str]:
    return [getattr(item, "__name__", type(item).__name__) for item in mcp.middleware]


async def test_chain_is_inside_the_middleware_of_the_sdk_and_outside_the_authors(
    make_app: MakeApp,
) -> None:
    mcp = server_of(echo, middleware=[own])
    assert kinds(mcp) == [*(kind.__name__ for kind in BUILT_IN), "own"]
    app = make_app(mcp)
    ours = ["refuse_unsendable", "Changes", NativeCalls.__name__, Boundary.__name__]
    assert kinds(mcp) == [*(kind.__name__ for kind in BUILT_IN), *ours, "own"]
    async with opened(app):
        assert kinds(mcp) == ["RequestStateBoundary", *ours, "own"]


@pytest.mark.slow
async def test_spans_are_made_if_a_provider_is_set(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    mcp = server_of(echo)
    async with opened(make_app(mcp)) as client, connected(client, "modern") as own_client:
        assert kinds(mcp)[0] == OneSpan.__name__
        assert (await own_client.call_tool("echo", {"text": "a"})).structured_content == {"result": "a"}
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "a"}


def test_hooks_of_the_author_around_calls_are_found() -> None:
    class Passive(Extension):
        identifier = "example/passive"

    class Active(Extension):
        identifier = "example/active"

        async def intercept_tool_call(
            self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
        ) -> HandlerResult:
            return await call_next(ctx)

    class Loud(MCPServer[Any]):
        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            return await super().call_tool(name, arguments, context)

    assert not has_author_hooks(server_of(echo))
    assert not has_author_hooks(server_of(echo, extensions=[Passive()]))
    assert has_author_hooks(server_of(echo, extensions=[Active()]))
    assert has_author_hooks(server_of(echo, middleware=[own]))
    assert has_author_hooks(Loud("one"))


@pytest.mark.slow
async def test_listen_streams_end_with_their_result(
    make_app: MakeApp,
) -> None:
    mcp = server_of(echo)
    app = make_app(mcp, server_of(echo, name="deaf", subscriptions=False))
    async with (
        opened(app) as client,
        connected(client, "modern") as own_client,
        own_client.listen(tools_list_changed=True) as subscription,
    ):
        await bus(mcp).publish(ToolsListChanged())
        events = []
        async for event in subscription:
            events.append(type(event).__name__)
            for server in app.state.registry:
                server.end_streams()
    assert events == ["ToolsListChanged"]


async def test_each_session_has_its_own_event_store() -> None:
    made: list[object] = []
    openings = Openings("one", lambda who: True, 1, 1.0, None)

    def new_store() -> Any:
        made.append(object())
        return made[-1]

    manager = SessionManager(low_level(server_of(echo)), new_store, openings)
    stores = [manager.event_store, manager.event_store]
    assert stores == made
    assert stores[0] is not stores[1]
    assert SessionManager(low_level(server_of(echo)), None, openings).event_store is None


@pytest.mark.slow
async def test_forwarded_request_has_the_answer_of_its_server(make_app: MakeApp) -> None:
    async def busy(ctx: Any, params: CompleteRequestParams) -> ErrorData:
        return ErrorData(code=-32050, message="busy")

    answering, lacking = server_of(), server_of(name="two")
    for mcp in (answering, lacking):
        mcp.prompt(name="greet")(lambda word: f"Hello {word}")
    low_level(answering).add_request_handler("completion/complete", CompleteRequestParams, busy)
    async with opened(make_app(answering, lacking)) as client, connected(client, "legacy", "") as mcp_client:
        errors = []
        for name in ("one_greet", "two_greet"):
            with pytest.raises(MCPError) as caught:
                await mcp_client.complete(PromptReference(name=name), {"name": "word", "value": "W"})
            errors.append(caught.value.error.message)
    assert errors == ["busy", "Method not found"]
