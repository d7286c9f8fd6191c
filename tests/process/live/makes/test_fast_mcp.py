"""A server made with FastMCP 4, served by a process that has its package, over every way in."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp.client.context import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestParams, ElicitResult

from tests.clients import ERAS, Era, answered, post
from tests.contract.makes.expected import FAILURES, SECRET, VALUES
from tests.events import STREAM, all_events
from tests.keys import add_key, bearer
from tests.process.live.makes.conftest import SERVERS, Router
from tests.process.live.makes.native import connected, value
from tests.process.live.note import Note
from tests.process.live.sockets import connected as over_websocket
from tests.process.live.sockets import receive, send

pytestmark = [pytest.mark.process, pytest.mark.anyio]


async def test_result_is_the_same_in_every_way(served: Router, http: httpx2.AsyncClient) -> None:
    await post(http, "seen_since")
    for tool, arguments, result in VALUES:
        assert (await post(http, tool, arguments)).json() == {"result": result}
        body = {"tool": f"one_{tool}", "arguments": arguments}
        assert (await http.post("/call", json=body)).json() == {"result": result}
        with over_websocket(served, "/one/mcp/ws") as socket:
            send(socket, id=1, tool=tool, arguments=arguments)
            while "result" not in (frame := receive(socket)):
                assert frame.keys() <= {"id", "progress", "log"}
            assert frame == {"id": 1, "result": result}
        assert (await post(http, "seen_since")).json()["result"] == [f"before {tool}"] * 3 + ["before seen_since"]
        for era in ERAS:
            async with connected(http, era) as one, connected(http, era, "/mcp") as all_servers:
                answer = await answered(one, tool, arguments)
                assert answer == await answered(all_servers, f"one_{tool}", arguments)
                assert value(answer) == result
        await post(http, "seen_since")


async def test_tool_url_answers_what_the_output_schema_says(http: httpx2.AsyncClient) -> None:
    listed = (await http.get("/one/mcp/tools")).json()["tools"]
    schemas = {tool["name"]: tool.get("outputSchema") for tool in listed}
    for tool, arguments, _ in VALUES:
        if (schema := schemas[tool]) is not None:
            answer = await http.post(f"/one/mcp/tools/{tool}", json=arguments)
            Draft202012Validator(schema).validate(answer.json())
    assert (await http.post("/one/mcp/tools/add", json={"a": 1, "b": 2})).json() == {"result": 3}
    assert (await http.post("/one/mcp/tools/data", json={})).json() == {"a": [1, 2]}


@pytest.mark.parametrize(("tool", "slug", "detail"), FAILURES)
async def test_failure_is_a_named_error_without_the_text_of_an_exception(
    http: httpx2.AsyncClient, tool: str, slug: str, detail: str | None
) -> None:
    answer = await post(http, tool)
    assert answer.json()["type"] == f"urn:multi-mcp:error:{slug}"
    assert detail is None or detail in answer.json()["detail"]
    for era in ERAS:
        async with connected(http, era) as mcp:
            over_mcp = await answered(mcp, tool)
            assert "error" in over_mcp or over_mcp["isError"]
            assert SECRET not in str(over_mcp) + answer.text
            assert detail is None or detail in str(over_mcp)
            assert value(await answered(mcp, "add", {"a": 1, "b": 2})) == 3


async def test_invalid_arguments_are_refused_with_their_paths(http: httpx2.AsyncClient) -> None:
    answer = await post(http, "add", {"a": "SECRET", "b": 2})
    assert answer.json()["type"] == "urn:multi-mcp:error:invalid-arguments"
    assert [error["path"] for error in answer.json()["errors"]] == ["a"]
    assert "SECRET" not in answer.text


async def test_crash_is_logged_once_in_the_form_of_the_log(http: httpx2.AsyncClient, served: Router) -> None:
    before = served.log().count(f"RuntimeError: {SECRET}")
    answer = await post(http, "crashes")
    log = served.await_log(f"request_id={answer.json()['requestId']} server=one tool=crashes")
    assert log.count(f"RuntimeError: {SECRET}") == before + 1
    assert f"error   Error calling tool 'crashes' request_id={answer.json()['requestId']}" in log


async def test_lifespan_and_request_reach_the_tools(http: httpx2.AsyncClient) -> None:
    assert (await post(http, "greets")).json() == {"result": "hello"}
    answer = await http.post("/one/mcp/call", json={"tool": "header"}, headers={"x-colour": "red"})
    assert answer.json() == {"result": "red"}
    async with connected(http, "modern") as mcp:
        assert value(await answered(mcp, "greets")) == "hello"


async def test_progress_arrives_before_the_result(http: httpx2.AsyncClient) -> None:
    body = {"tool": "steps", "arguments": {"count": 2}}
    answer = await http.post("/one/mcp/call", json=body, headers=STREAM)
    assert [event.name for event in await all_events(answer)] == ["progress", "progress", "log", "result"]
    for era in ERAS:
        seen: list[float] = []

        async def note(progress: float, total: float | None, message: str | None, seen: list[float] = seen) -> None:
            seen.append(progress)

        async with connected(http, era) as mcp:
            await mcp.call_tool("steps", {"count": 2}, progress_callback=note)
        assert seen == [1, 2]


async def test_question_is_answered_over_json_and_in_a_session(http: httpx2.AsyncClient) -> None:
    asked = (await post(http, "asks")).json()
    [(key, question)] = asked["inputRequests"].items()
    assert question["params"]["message"] == "How big?"
    more = {"inputResponses": {key: {"action": "accept", "content": {"value": 2}}}}
    answer = await http.post("/one/mcp/call", json={"tool": "asks", "requestState": asked["requestState"], **more})
    assert answer.json() == {"result": "accept 2"}

    async def accept(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"value": 3})

    async with connected(http, "legacy", elicitation_callback=accept) as mcp:
        assert value(await answered(mcp, "asks")) == "accept 3"


async def test_sync_functions_run_in_the_threads_of_their_server_and_a_call_ends_at_its_limit(
    http: httpx2.AsyncClient,
) -> None:
    started = time.monotonic()
    answer = await post(http, "sleeps", {"seconds": 8})
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:multi-mcp:error:timeout")
    assert time.monotonic() - started < 7
    async with connected(http, "modern") as mcp:
        assert "timed out" in str(await answered(mcp, "sleeps", {"seconds": 8})) or time.monotonic() - started < 12
    # Both threads of MCP_THREADS sleep on now: a sync tool waits for one, an async tool does not.
    assert (await post(http, "say", {"text": "a"})).status_code == 504
    assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}


async def test_client_that_leaves_cancels_the_tool(served: Router, tmp_path: Path) -> None:
    note = Note(tmp_path / "note")
    with served.calling("one", "waits", note=str(note.path)):
        note.await_lines("began")
    note.await_lines("began", "cancelled")


@pytest.mark.parametrize("era", ERAS)
async def test_resources_and_prompts_are_served_and_a_crash_of_one_shows_no_text(
    http: httpx2.AsyncClient, era: Era
) -> None:
    async with connected(http, era) as one, connected(http, era, "/mcp") as all_servers:
        for mcp, note in ((one, "note://"), (all_servers, "note://one/")):
            uris = {str(resource.uri) for resource in (await mcp.list_resources()).resources}
            assert uris == {f"{note}one", f"{note}broken"}
            assert (await mcp.read_resource(f"{note}one")).contents[0].text == "the note"  # type: ignore[union-attr]
            names = sorted(prompt.name for prompt in (await mcp.list_prompts()).prompts)
            assert (await mcp.get_prompt(names[1])).messages[0].content.text == "the note"  # type: ignore[union-attr]
            for asking in (mcp.read_resource(f"{note}broken"), mcp.get_prompt(names[0])):
                with pytest.raises(MCPError) as caught:
                    await asking
                assert SECRET not in str(caught.value)


async def test_tool_that_comes_later_is_found_by_its_first_call(http: httpx2.AsyncClient) -> None:
    await post(http, "adds_a_tool")
    assert (await post(http, "later_tool")).json() == {"result": {"later": True}}
    assert "later_tool" in [tool["name"] for tool in (await http.get("/one/mcp/tools")).json()["tools"]]


async def test_scopes_hold_in_every_way(tmp_path: Path) -> None:
    key = bearer(add_key(tmp_path / "keys.json", "adder", "one:add"))
    settings = {"MCP_SERVERS_DIR": SERVERS, "MCP_AUTH_KEYS": str(tmp_path / "keys.json")}
    with Router(tmp_path, **settings) as served:
        base = f"http://127.0.0.1:{served.await_table().port}"
        async with httpx2.AsyncClient(base_url=base, timeout=20, headers=key) as http:
            assert [tool["name"] for tool in (await http.get("/one/mcp/tools")).json()["tools"]] == ["add"]
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
            assert (await post(http, "data")).json()["type"] == "urn:multi-mcp:error:forbidden"
            for era in ERAS:
                async with connected(http, era) as mcp:
                    assert [tool.name for tool in (await mcp.list_tools()).tools] == ["add"]
                    assert value(await answered(mcp, "add", {"a": 1, "b": 2})) == 3
                    assert (await mcp.list_resources()).resources == []
                    with pytest.raises(MCPError):
                        await mcp.read_resource("note://one")
