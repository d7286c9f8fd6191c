"""Each URI that `/mcp` hands out, wherever it stands, is read there and keeps its scheme."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    EmptyResult,
    InputRequiredResult,
    ResourceTemplateReference,
    SubscribeRequest,
    SubscribeRequestParams,
    TextContent,
)
from starlette.applications import Starlette

from tests.clients import ERAS, Era, connected
from tests.conftest import MakeApp
from tests.gateway.aggregate.linking import SKILL as OWN_SKILL
from tests.gateway.aggregate.linking import WEB, link, make
from tests.transport import opened
from tests.wire import modern

pytestmark = pytest.mark.anyio
UI, SKILL = "ui://south_pole/clock/app.html", "skill://south_pole/pdf/SKILL.md"
OWN_WEB = "https://south_pole/example.com/own"
OF_SOUTH = [UI, SKILL, "urn:south_pole:isbn:1", "multi-mcp://south_pole/notes", OWN_WEB]


@pytest.fixture
def app(make_app: MakeApp) -> Starlette:
    return make_app(make("north"), make("south_pole"))


@asynccontextmanager
async def client_of(app: Starlette, era: Era, **options: Any) -> AsyncIterator[Client]:
    async with opened(app) as http, connected(http, era, "", **options) as client:
        yield client


async def read(client: Client, uri: str) -> str:
    """Returns the text of a resource, whose content has the same URI."""
    content: Any = (await client.read_resource(uri)).contents[0]
    assert str(content.uri) == uri
    text: str = content.text
    return text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_listed_resources_and_expanded_templates_are_read_from_their_server(app: Starlette, era: Era) -> None:
    async with client_of(app, era) as client:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert uris[len(uris) // 2 :] == OF_SOUTH
        for uri in OF_SOUTH:
            assert await read(client, uri) in ("ui of south_pole", "text of south_pole")
        templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
        assert templates == ["db://north/{table}{?page}", "db://south_pole/{table}{?page}"]
        assert await read(client, "db://south_pole/cats?page=2") == "cats 2 of south_pole"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_ui_of_a_tool_is_read_by_both_keys_of_its_meta(app: Starlette, era: Era) -> None:
    async with client_of(app, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        meta: Any = tools["south_pole_show"].meta
        assert meta == {
            "ui": {"resourceUri": UI},
            "ui/resourceUri": UI,
            "other": {"resourceUri": "ui://clock/app.html"},  # the author's own
        }
        assert await read(client, meta["ui"]["resourceUri"]) == "ui of south_pole"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_links_in_a_result_lead_to_their_server_and_web_pages_stay(app: Starlette, era: Era) -> None:
    async with client_of(app, era) as client:
        result: Any = await client.call_tool("south_pole_links", {})
        text, skill, ui, cats, *web = result.content
        assert text.text == f"see ui://clock/app.html and {WEB}"
        assert (skill.uri, ui.resource.uri, cats.uri) == (SKILL, UI, "db://south_pole/cats")
        assert [each.uri for each in web] == [WEB, OWN_WEB, "data:,hi", "HTTPS://example.com/x"]
        assert ui.resource.text == "see ui://clock/app.html"
        assert result.structured_content == {"uri": "ui://clock/app.html", "content": ["ui://clock/app.html"]}
        assert result.meta["ui"] == {"resourceUri": UI}
        for uri in (skill.uri, ui.resource.uri, cats.uri, OWN_WEB):
            assert await read(client, uri)


@pytest.mark.parametrize("era", ERAS)
async def test_links_in_a_prompt_lead_to_their_server(app: Starlette, era: Era) -> None:
    async with client_of(app, era) as client:
        contents: Any = [each.content for each in (await client.get_prompt("south_pole_explain")).messages]
    assert [contents[0].uri, contents[1].resource.uri, contents[2].uri] == [SKILL, UI, WEB]


@pytest.mark.slow
async def test_links_in_what_a_tool_asks_its_client_lead_to_their_server(app: Starlette) -> None:
    heard: list[Any] = []

    async def sample(context: Any, params: Any) -> CreateMessageResult:
        use, used = (message.content[0] for message in params.messages)
        heard.extend([*used.content, use.input])
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text="x"), model="x")

    options = {"sampling_callback": sample}
    async with client_of(app, "legacy", **options) as client:
        assert not (await client.call_tool("south_pole_ask", {})).is_error
    assert [str(each.uri) for each in heard[:2]] == [SKILL, WEB]
    assert heard[2] == {"uri": "ui://clock/app.html"}


@pytest.mark.slow
async def test_updates_name_the_resource_as_its_listener_knows_it(app: Starlette) -> None:
    async with client_of(app, "modern") as client, client.listen(resource_subscriptions=[SKILL]) as events:
        await client.call_tool("north_update", {})
        await client.call_tool("south_pole_update", {})
        assert await anext(events) == ResourceUpdated(SKILL)


@pytest.mark.slow
async def test_updates_in_a_session_name_the_resource_as_its_client_knows_it(app: Starlette) -> None:
    heard: list[str] = []
    complete = anyio.Event()

    async def note(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            heard.append(str(message.params.uri))
        if {*heard} == {SKILL, OWN_WEB}:
            complete.set()

    async with client_of(app, "legacy", message_handler=note) as client:
        await client.list_tools()  # answered after the session is initialized
        request = SubscribeRequest(params=SubscribeRequestParams(uri=SKILL))
        await client.session.send_request(request, EmptyResult)
        await client.call_tool("south_pole_update", {})
        with anyio.fail_after(20):
            await complete.wait()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_server_is_asked_for_its_own_uri_when_a_template_is_completed(make_app: MakeApp, era: Era) -> None:
    server = make("south_pole")
    asked: list[str] = []

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> None:
        asked.append(ref.uri)

    async with client_of(make_app(make("north"), server), era) as client:
        template = ResourceTemplateReference(type="ref/resource", uri="db://south_pole/{table}{?page}")
        await client.complete(template, {"name": "table", "value": ""})
    assert asked == ["db://{table}{?page}"]


@pytest.mark.parametrize("era", ERAS)
async def test_error_of_a_read_has_the_uri_that_was_asked_for(app: Starlette, era: Era) -> None:
    async with client_of(app, era) as client:
        with pytest.raises(MCPError) as raised:
            await client.read_resource("ui://north/nothing")
    assert raised.value.error.data == {"uri": "ui://north/nothing"}


@pytest.mark.slow
async def test_links_in_what_a_tool_asks_across_requests_lead_to_their_server(make_app: MakeApp) -> None:
    server = make("south_pole")

    @server.tool()
    async def choose() -> InputRequiredResult:
        use = {"type": "tool_use", "id": "1", "name": "x", "input": {}}
        used = {"type": "tool_result", "toolUseId": "1", "content": [link(OWN_SKILL).model_dump(exclude_none=True)]}
        messages = [{"role": "assistant", "content": use}, {"role": "user", "content": used}]
        params = CreateMessageRequestParams.model_validate({"messages": messages, "maxTokens": 1})
        return InputRequiredResult(input_requests={"uri": CreateMessageRequest(params=params)}, request_state="x")

    headers, body = modern("tools/call", name="south_pole_choose", arguments={})
    body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"sampling": {"tools": {}}}
    async with opened(make_app(server)) as http:
        result = (await http.post("/mcp", json=body, headers=headers)).json()["result"]
    assert result["inputRequests"]["uri"]["params"]["messages"][1]["content"]["content"][0]["uri"] == SKILL
