"""The MCP endpoint over all servers, called by the SDK's client in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    Completion,
    ElicitRequestParams,
    ElicitResult,
    PromptReference,
    ResourceLink,
    ResourceTemplateReference,
)
from pydantic import BaseModel
from starlette.applications import Starlette

from tests.clients import ERAS, Era, connected
from tests.conftest import MakeApp
from tests.transport import BASE, opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Name(BaseModel):
    name: str


def make(name: str) -> MCPServer[Any]:
    """Returns a server. Some of its tools, resources, templates and prompts have the same names in each server."""
    server: MCPServer[Any] = MCPServer(name)

    @server.tool()
    async def who() -> str:
        """Say which server this is."""
        return name

    @server.tool(name=f"only_{name}")
    async def only() -> CallToolResult:
        """Link to the shared resource."""
        return CallToolResult(content=[ResourceLink(type="resource_link", name="shared", uri="note://shared")])

    @server.tool()
    async def progress(ctx: Context[Any, Any]) -> str:
        """Report half of it."""
        await ctx.report_progress(0.5, 1, name)
        return "done"

    server.resource("note://shared", name="shared")(lambda: f"shared of {name}")
    server.resource(f"note://{name}", name="own")(lambda: f"own of {name}")
    server.resource("page://{number}", name="page")(lambda number: f"page {number} of {name}")

    @server.prompt()
    def greet(person: str) -> str:
        return f"{name} greets {person}"

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=[f"{name}-{getattr(ref, 'name', None) or ref.uri}"])

    return server


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(make("north"), make("south_pole"))


@asynccontextmanager
async def aggregate(app: Starlette, era: Era, **options: Any) -> AsyncIterator[Client]:
    async with opened(app) as http, connected(http, era, "", **options) as client:
        yield client


def text(result: Any) -> str:
    content: str = result.content[0].text
    return content


@pytest.mark.parametrize("era", ERAS)
async def test_tools_are_listed_and_called_by_server_and_name(app: Starlette, era: Era) -> None:
    async with aggregate(app, era) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names[:3] == ["north_who", "north_only_north", "north_progress"]
        assert names[3] == "south_pole_who"
        assert text(await client.call_tool("north_who", {})) == "north"
        assert text(await client.call_tool("south_pole_who", {})) == "south_pole"


@pytest.mark.parametrize("era", ERAS)
async def test_bare_name_is_accepted_if_only_one_server_has_it(app: Starlette, era: Era) -> None:
    async with aggregate(app, era) as client:
        assert not (await client.call_tool("only_north", {})).is_error
        result = await client.call_tool("who", {})
        assert result.is_error
        assert "ask for one of: north_who, south_pole_who" in text(result)


@pytest.mark.parametrize("era", ERAS)
async def test_progress_reaches_the_client(app: Starlette, era: Era) -> None:
    heard = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with aggregate(app, era) as client:
        await client.call_tool("south_pole_progress", {}, progress_callback=hear)
    assert heard == [(0.5, 1, "south_pole")]


@pytest.mark.parametrize("era", ERAS)
async def test_each_uri_names_its_server_and_is_read_there(app: Starlette, era: Era) -> None:
    async with aggregate(app, era) as client:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert uris == [
            "note://north/shared",
            "note://north/north",
            "note://south_pole/shared",
            "note://south_pole/south_pole",
        ]
        for uri, expected in [
            ("note://north/shared", "shared of north"),
            ("note://south_pole/shared", "shared of south_pole"),
            ("note://south_pole", "own of south_pole"),  # a server's own URI that no other server has
            ("page://south_pole/3", "page 3 of south_pole"),
        ]:
            content: Any = (await client.read_resource(uri)).contents[0]
            assert (str(content.uri), content.text) == (uri, expected)
        with pytest.raises(MCPError, match="ask for one of: note://north/shared, note://south_pole/shared"):
            await client.read_resource("note://shared")
        with pytest.raises(MCPError, match="ask for one of: page://north/3, page://south_pole/3"):
            await client.read_resource("page://3")
        with pytest.raises(MCPError, match="Unknown resource: note://nowhere"):
            await client.read_resource("note://nowhere")


@pytest.mark.parametrize("era", ERAS)
async def test_link_in_a_result_leads_to_its_server(app: Starlette, era: Era) -> None:
    async with aggregate(app, era) as client:
        link: Any = (await client.call_tool("south_pole_only_south_pole", {})).content[0]
        content: Any = (await client.read_resource(str(link.uri))).contents[0]
        assert content.text == "shared of south_pole"


@pytest.mark.parametrize("era", ERAS)
async def test_templates_and_prompts_name_their_server(app: Starlette, era: Era) -> None:
    async with aggregate(app, era) as client:
        templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
        assert templates == ["page://north/{number}", "page://south_pole/{number}"]
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["north_greet", "south_pole_greet"]
        prompt: Any = await client.get_prompt("south_pole_greet", {"person": "Ann"})
        assert prompt.messages[0].content.text == "south_pole greets Ann"
        with pytest.raises(MCPError, match="ask for one of: north_greet, south_pole_greet"):
            await client.get_prompt("greet", {"person": "Ann"})
        with pytest.raises(MCPError, match="Unknown prompt: nobody"):
            await client.get_prompt("nobody", {})


@pytest.mark.parametrize("era", ERAS)
async def test_completion_goes_to_the_server_of_the_reference(app: Starlette, era: Era) -> None:
    argument = {"name": "number", "value": "1"}
    async with aggregate(app, era) as client:
        prompt = PromptReference(type="ref/prompt", name="south_pole_greet")
        template = ResourceTemplateReference(type="ref/resource", uri="page://north/{number}")
        assert (await client.complete(prompt, argument)).completion.values == ["south_pole-greet"]
        assert (await client.complete(template, argument)).completion.values == ["north-page://{number}"]


async def test_tool_can_ask_the_client_for_input(make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("asker")

    @server.tool()
    async def ask(ctx: Context[Any, Any]) -> str:
        answer = await ctx.elicit("Who?", Name)
        return answer.data.name if answer.action == "accept" else answer.action

    async def answer(context: Any, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"name": "Ann"})

    async with aggregate(make_app(server), "legacy", elicitation_callback=answer) as client:
        assert text(await client.call_tool("asker_ask", {})) == "Ann"


async def test_sessions_are_counted_in_the_total_only(app: Starlette) -> None:
    async with opened(app) as http:
        transport = streamable_http_client(f"{BASE}/mcp/", http_client=http)
        async with Client(transport, mode="legacy") as client:
            await client.list_tools()
            health = (await http.get("/health")).json()
    assert health["sessions"] == 1
    assert [server["sessions"] for server in health["servers"]] == [0, 0]
