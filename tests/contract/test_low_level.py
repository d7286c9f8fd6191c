"""A server made with the SDK's low-level `Server`, over every way in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx2
import pytest
from mcp.client.context import ClientRequestContext
from mcp.server.subscriptions import ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestParams, ElicitResult, PromptReference
from starlette.applications import Starlette

from tests import wire
from tests.clients import ERAS, Era, answered, connected, post
from tests.conftest import MakeApp
from tests.contract.makes.expected import FAILURES, SECRET, VALUES
from tests.contract.makes.low_level import Kinds
from tests.events import STREAM, all_events
from tests.sockets import connected as over_websocket
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ACCEPTED = {"action": "accept", "content": {"size": 2}}


class Served(NamedTuple):
    kinds: Kinds
    app: Starlette
    http: httpx2.AsyncClient


@pytest.fixture
async def served(make_app: MakeApp) -> AsyncIterator[Served]:
    kinds = Kinds()
    app = make_app(kinds.server, max_result=50_000)
    async with opened(app) as http:
        yield Served(kinds, app, http)


async def test_result_is_the_same_in_every_way(served: Served) -> None:
    for tool, arguments, result in VALUES:
        assert (await post(served.http, tool, arguments)).json() == {"result": result}
        body = {"tool": f"one_{tool}", "arguments": arguments}
        assert (await served.http.post("/call", json=body)).json() == {"result": result}
        async with over_websocket(served.app, "/one/mcp/ws") as socket:
            frame = await socket.ask({"id": 1, "tool": tool, "arguments": arguments})
            while "result" not in frame:
                frame = await socket.receive()
            assert frame == {"id": 1, "result": result}
        assert served.kinds.seen == [tool] * 3
        for era in ERAS:
            async with connected(served.http, era) as one, connected(served.http, era, "") as all_servers:
                answer = await answered(one, tool, arguments)
                assert answer == await answered(all_servers, f"one_{tool}", arguments)
                assert result in (answer.get("structuredContent", {}).get("result"), *shown(answer))
        served.kinds.seen.clear()


def shown(answer: dict[str, Any]) -> tuple[Any, ...]:
    """Returns the forms in which a result of MCP may be that of JSON."""
    content = answer["content"]
    return answer.get("structuredContent"), content, content[0].get("text") if content else None


async def test_tool_url_answers_what_the_output_schema_says(served: Served) -> None:
    assert (await served.http.post("/one/mcp/tools/add", json={"a": 1, "b": 2})).json() == {"result": 3}
    assert (await served.http.post("/one/mcp/tools/data", json={})).json() == {"a": [1, 2]}


async def test_all_pages_of_the_list_are_served(served: Served) -> None:
    listed = (await served.http.get("/one/mcp/tools")).json()["tools"]
    assert [tool["name"] for tool in listed] == [*served.kinds.tools]
    assert (await served.http.get("/health")).json()["tools"] == len(served.kinds.tools)
    assert "/one/mcp/tools/add" in (await served.http.get("/openapi.json")).json()["paths"]


@pytest.mark.parametrize(("tool", "slug", "detail"), FAILURES)
async def test_failure_is_a_named_error_without_the_text_of_an_exception(
    served: Served, tool: str, slug: str, detail: str | None
) -> None:
    answer = await post(served.http, tool)
    assert answer.json()["type"] == f"urn:multi-mcp:error:{slug}"
    assert detail in (None, answer.json()["detail"])
    for era in ERAS:
        async with connected(served.http, era) as mcp:
            over_mcp = await answered(mcp, tool)
            assert "error" in over_mcp or over_mcp["isError"]
            assert SECRET not in str(over_mcp) + answer.text
            assert detail is None or detail in str(over_mcp)
            assert (await answered(mcp, "add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}


async def test_crash_is_logged_once_for_each_call(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    await post(served.http, "crashes")
    async with connected(served.http, "modern") as mcp:
        await answered(mcp, "crashes")
    assert sum(record.exc_info is not None for record in caplog.records) == 2


@pytest.mark.parametrize("era", ERAS)
async def test_progress_arrives_before_the_result(served: Served, era: Era) -> None:
    body = {"tool": "steps", "arguments": {"count": 2}}
    answer = await served.http.post("/one/mcp/call", json=body, headers=STREAM)
    names = [(event.name, event.data.get("progress")) for event in await all_events(answer)]
    assert names == [("progress", 1), ("progress", 2), ("result", None)]
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with connected(served.http, era) as mcp:
        await mcp.call_tool("steps", {"count": 2}, progress_callback=note)
    assert seen == [1, 2]


async def test_question_is_answered_over_json_and_in_a_session(served: Served) -> None:
    asked = await post(served.http, "asks")
    assert asked.status_code == 202
    [key] = asked.json()["inputRequests"]
    more = {"inputResponses": {key: ACCEPTED}, "requestState": asked.json()["requestState"]}
    answer = await served.http.post("/one/mcp/call", json={"tool": "asks", **more})
    assert answer.json() == {"result": "accept {'size': 2}"}

    async def accept(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"size": 3})

    async with connected(served.http, "legacy", elicitation_callback=accept) as mcp:
        assert (await answered(mcp, "asks"))["content"][0]["text"] == "accept {'size': 3}"


async def test_client_that_leaves_cancels_the_tool(served: Served) -> None:
    call = asyncio.create_task(post(served.http, "waits"))
    await served.kinds.began.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    while served.kinds.seen[-1] != "cancelled":
        await asyncio.sleep(0)
    assert (await served.http.get("/one/mcp/health")).json()["status"] == "ok"


@pytest.mark.parametrize("era", ERAS)
async def test_resources_prompts_and_completions_are_served(served: Served, era: Era) -> None:
    async with connected(served.http, era) as one, connected(served.http, era, "") as all_servers:
        for mcp in (one, all_servers):
            [resource] = (await mcp.list_resources()).resources
            assert (await mcp.read_resource(resource.uri)).contents[0].text == "the note"  # type: ignore[union-attr]
            [prompt] = (await mcp.list_prompts()).prompts
            assert (await mcp.get_prompt(prompt.name)).messages[0].content.text == "Hello."  # type: ignore[union-attr]
        for asking in (one.read_resource("note://two"), one.get_prompt("other")):
            with pytest.raises(MCPError) as caught:
                await asking
            assert SECRET not in str(caught.value)
        completed = await one.complete(PromptReference(name="greet"), {"name": "text", "value": "a"})
        assert completed.completion.values == ["a!"]


async def test_tool_that_comes_later_is_found_by_its_first_call_in_json(served: Served) -> None:
    await post(served.http, "adds_a_tool")
    assert (await post(served.http, "later")).json() == {"result": {"later": True}}
    names = [tool["name"] for tool in (await served.http.get("/one/mcp/tools")).json()["tools"]]
    assert names[-1] == "later_tool"


@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
async def test_native_list_shows_the_tools_that_came_later_to_every_way(served: Served, era: Era, server: str) -> None:
    await post(served.http, "adds_a_tool")
    async with connected(served.http, era, server) as mcp:
        page = await mcp.list_tools()
        while page.next_cursor:
            page = await mcp.list_tools(cursor=page.next_cursor)
        assert page.tools[-1].name.endswith("later_tool")
    assert (await served.http.get("/one/mcp/tools")).json()["tools"][-1]["name"] == "later_tool"


async def test_change_that_the_server_publishes_reaches_clients_of_all_servers(served: Served) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    end = next(iter(served.app.state.registry)).subscribe(events.put_nowait)
    await served.kinds.bus.publish(ToolsListChanged())
    assert isinstance(await events.get(), ToolsListChanged)
    end()


async def test_list_that_fails_is_a_warning_and_native_calls_are_served(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(Kinds):
        async def list_tools(self, ctx: Any, params: Any) -> Any:
            raise SystemExit("the backend is away")

    headers, body = wire.modern("tools/call", name="add", arguments={"a": 1, "b": 2})
    async with opened(make_app(Away().server)) as http:
        answer = await http.post("/one/mcp", json=body, headers=headers)
        assert answer.json()["result"]["structuredContent"] == {"result": 3}
        assert (await http.get("/one/mcp/tools")).json()["tools"] == []
    assert "server 'one': its own `list_tools` failed" in caplog.text
