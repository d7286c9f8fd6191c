"""What we lean on in the SDK beyond its public interface: where it changes, these tests fail."""

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

from gateway.local.native_calls import NativeCalls
from gateway.sdk import internals as sdk
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


async def test_our_chain_stands_inside_what_the_sdk_put_there_and_outside_of_what_the_author_did(
    make_app: MakeApp,
) -> None:
    mcp = server_of(echo, middleware=[own])
    assert kinds(mcp) == [*sdk.BUILT_IN, "own"]
    app = make_app(mcp)
    assert kinds(mcp) == [*sdk.BUILT_IN, NativeCalls.__name__, "own"]
    async with opened(app):
        assert kinds(mcp) == ["RequestStateBoundary", NativeCalls.__name__, "own"]


async def test_spans_are_made_where_someone_reads_them(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    mcp = server_of(echo)
    async with opened(make_app(mcp)) as client, connected(client, "modern") as own_client:
        assert kinds(mcp)[0] == sdk.OneSpan.__name__
        assert (await own_client.call_tool("echo", {"text": "a"})).structured_content == {"result": "a"}
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "a"}


def test_a_server_is_watched_where_its_author_put_something_around_its_calls() -> None:
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

    assert not sdk.is_watched(server_of(echo))
    assert not sdk.is_watched(server_of(echo, extensions=[Passive()]))
    assert sdk.is_watched(server_of(echo, extensions=[Active()]))
    assert sdk.is_watched(server_of(echo, middleware=[own]))
    assert sdk.is_watched(Loud("one"))


async def test_the_open_listen_streams_of_a_server_end_with_their_result_when_they_are_told_to(
    make_app: MakeApp,
) -> None:
    mcp = server_of(echo)
    app = make_app(mcp, server_of(echo, name="deaf", subscriptions=False))
    async with (
        opened(app) as client,
        connected(client, "modern") as own_client,
        own_client.listen(tools_list_changed=True) as subscription,
    ):
        await sdk.bus(mcp).publish(ToolsListChanged())
        events = []
        async for event in subscription:
            events.append(type(event).__name__)
            for server in app.state.registry:
                server.end_streams()
    assert events == ["ToolsListChanged"]


async def test_each_session_has_an_event_store_of_its_own() -> None:
    made: list[object] = []

    def new_store() -> Any:
        made.append(object())
        return made[-1]

    manager = sdk.SessionManager(sdk.low_level(server_of(echo)), new_store)
    stores = [manager.event_store, manager.event_store]
    assert stores == made
    assert stores[0] is not stores[1]
    assert sdk.SessionManager(sdk.low_level(server_of(echo)), None).event_store is None


async def test_over_all_servers_a_method_is_answered_as_its_own_server_would(make_app: MakeApp) -> None:
    async def busy(ctx: Any, params: CompleteRequestParams) -> ErrorData:
        return ErrorData(code=-32050, message="busy")

    answering, lacking = server_of(), server_of(name="two")
    for mcp in (answering, lacking):
        mcp.prompt(name="greet")(lambda word: f"Hello {word}")
    sdk.low_level(answering).add_request_handler("completion/complete", CompleteRequestParams, busy)
    async with opened(make_app(answering, lacking)) as client, connected(client, "legacy", "") as mcp_client:
        errors = []
        for name in ("one_greet", "two_greet"):
            with pytest.raises(MCPError) as caught:
                await mcp_client.complete(PromptReference(name=name), {"name": "word", "value": "W"})
            errors.append(caught.value.error.message)
    assert errors == ["busy", "Method not found"]
