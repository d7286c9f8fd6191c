"""Calls of a child process: in plain JSON, natively in both eras, and over all servers."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx2
import pytest

from tests import wire
from tests.clients import ERAS, Era, answered, connected, post
from tests.gateway.upstream.conftest import Serving, entry, status

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
PEERS = {"modern": "", "legacy": "legacy"}


async def text(http: httpx2.AsyncClient, tool: str, **arguments: Any) -> Any:
    """Returns the text that a tool answers, read as JSON."""
    return json.loads((await post(http, tool, arguments)).json()["result"])


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
async def test_tool_is_called_as_json_under_each_of_its_urls_and_names(serving: Serving, peer: str) -> None:
    async with serving(one=entry(peer)) as http:
        for tool in ("add_tool", "add"):
            assert (await post(http, tool, {"a": 10, "b": 32})).json() == {"result": 42}
        assert (await http.post("/one/mcp/tools/add_tool", json={"a": 1, "b": 2})).json() == {"result": 3}
        assert (await http.post("/call", json={"tool": "one_add_tool", "arguments": {"a": 1, "b": 2}})).json() == {
            "result": 3
        }
        tools = (await http.get("/one/mcp/tools")).json()["tools"]
        assert (len(tools), tools[0]["description"], tools[0]["inputSchema"]["required"]) == (25, "Add.", ["a", "b"])


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
@pytest.mark.parametrize("era", ERAS)
async def test_client_of_either_era_calls_a_server_of_either_era(serving: Serving, era: Era, peer: str) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with serving(one=entry(peer)) as http:
        for server in ("one", ""):
            prefix = "" if server else "one_"
            async with connected(http, era, server) as client:
                assert len((await client.list_tools()).tools) == 25
                assert (await answered(client, f"{prefix}add_tool", {"a": 1, "b": 2}))["structuredContent"] == {
                    "result": 3
                }
                await client.call_tool(f"{prefix}steps", {"count": 3}, progress_callback=hear)
                assert (await answered(client, f"{prefix}fail"))["isError"] is True
                assert [prompt.name for prompt in (await client.list_prompts()).prompts] == [f"{prefix}greet"]
                assert (await client.get_prompt(f"{prefix}greet")).messages[0].content.text == "Hello"  # type: ignore[union-attr]
        async with connected(http, era) as client:
            assert (await client.read_resource("note://a")).contents[0].text == "note"  # type: ignore[union-attr]
            assert client.instructions == ("Be kind." if era == "legacy" else None)  # a modern one has not asked
    assert heard == [1, 2, 3] * 2


async def test_each_kind_of_answer_has_its_form_in_json(serving: Serving) -> None:
    async with serving() as http:
        answers = {tool: await post(http, tool) for tool in ("nothing", "image", "torn", "noise", "fail", "refuse")}
        bodies = {tool: answer.json() for tool, answer in answers.items()}
        assert bodies["nothing"] == {"result": None}
        assert bodies["image"] == {"result": [{"type": "image", "data": "AA==", "mimeType": "image/png"}]}
        assert bodies["torn"] == {"result": "é"}
        assert bodies["noise"] == {"result": "quiet"}
        for tool, detail in (("fail", "no"), ("refuse", "not now")):
            assert (answers[tool].status_code, bodies[tool]["detail"]) == (422, detail)
        for tool in ("odd_result", "odd_content", "odd_type"):
            answer = await post(http, tool)
            assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
        unknown = await post(http, "ad_tool")
        assert (unknown.status_code, "'add_tool'" in unknown.json()["detail"]) == (404, True)


async def test_progress_is_sent_as_events(serving: Serving) -> None:
    async with serving() as http:
        answer = await http.post("/one/mcp/call", json={"tool": "steps"}, headers={"accept": "text/event-stream"})
    names = [line for line in answer.text.splitlines() if line.startswith("event")]
    assert names == ["event: progress"] * 3 + ["event: result"]


@pytest.mark.parametrize("way", ["json", *ERAS])
async def test_call_in_flight_when_the_child_dies_fails_and_the_next_one_works(serving: Serving, way: Any) -> None:
    async with serving() as http:
        if way == "json":
            answer = await post(http, "die")
            assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
            assert answer.json()["type"] == "urn:multi-mcp:error:upstream-error"
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        else:
            async with connected(http, way) as client:
                assert "error" in await answered(client, "die")
                assert (await answered(client, "add_tool", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
        health = (await http.get("/one/mcp/health")).json()
        assert (health["status"], health["starts"]) == ("ok", 2)


async def test_native_error_says_that_the_outcome_is_unknown(serving: Serving) -> None:
    async with serving() as http:
        headers, body = wire.modern("tools/call", name="die", arguments={})
        answer = await http.post("/one/mcp", json=body, headers=headers)
    error = (wire.messages(answer.text) or [answer.json()])[-1]["error"]
    assert (error["code"], error["data"]) == (-32000, {"type": "upstream-error", "outcome": "unknown"})


async def test_other_calls_of_a_child_that_lives_are_not_disturbed_by_a_failing_one(serving: Serving) -> None:
    async with serving(one=entry(maxMessage=4096)) as http, anyio.create_task_group() as tasks:
        found: dict[str, Any] = {}

        async def call(name: str, **arguments: Any) -> None:
            found[name] = await post(http, name, arguments)

        tasks.start_soon(lambda: call("long", size=100_000))
        for _ in range(20):
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        while "long" not in found:
            await anyio.sleep(0.01)
        assert (found["long"].status_code, found["long"].json()["outcome"]) == (502, "unknown")
        too_large = await post(http, "echo", {"message": "x" * 5000})
        assert (too_large.status_code, too_large.json()["outcome"]) == (502, "not-executed")
        assert (await http.get("/one/mcp/health")).json()["starts"] == 1


async def test_caller_who_leaves_cancels_the_call_upstream_under_its_own_id(serving: Serving) -> None:
    async with serving({"call_timeout": 0.2, "call_total_timeout": 0.2}) as http:
        answer = await post(http, "hang")
        assert answer.status_code == 504
        seen = await text(http, "seen")
        assert seen["cancelled"] == seen["hanging"]
        assert len(seen["hanging"]) == 1


async def test_question_of_a_shared_child_is_refused_and_the_call_goes_on(serving: Serving) -> None:
    async with serving() as http:
        assert (await text(http, "ask"))["code"] == -32601


async def test_changed_list_of_tools_is_asked_for_once_and_told_to_all(serving: Serving) -> None:
    async with serving() as http:
        await status(http)
        before = (await http.get("/one/mcp/tools")).headers["etag"]
        await post(http, "grow")
        with anyio.fail_after(5):
            while (await http.get("/one/mcp/tools")).headers["etag"] == before:
                await anyio.sleep(0.02)
        tools = [tool["name"] for tool in (await http.get("/one/mcp/tools")).json()["tools"]]
        assert "grown" in tools
        assert "grown" in [tool["name"] for tool in (await http.get("/tools")).json()["tools"]]


async def test_tools_are_chosen_renamed_and_described_as_the_entry_says(serving: Serving) -> None:
    rules = {
        "include": ["*_tool", "e[cn]*"],
        "exclude": ["environ"],
        "rename": {"add_tool": "plus"},
        "describe": {"echo": "Say."},
    }
    async with serving(one=entry(tools=rules, disabledTools=["pid"])) as http:
        await status(http)
        tools = (await http.get("/one/mcp/tools")).json()["tools"]
        assert [(tool["name"], tool.get("description")) for tool in tools] == [("plus", "Add."), ("echo", "Say.")]
        assert (await post(http, "plus", {"a": 1, "b": 2})).json() == {"result": 3}
        for hidden in ("environ", "add_tool", "pid", "die"):
            assert (await post(http, hidden)).status_code == 404
        for era in ERAS:
            async with connected(http, era) as client:
                assert (await answered(client, "plus", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}
                assert "has no tool 'environ'" in (await answered(client, "environ"))["content"][0]["text"]


async def test_idle_child_is_stopped_and_started_by_the_next_call(serving: Serving) -> None:
    async with serving(one=entry(idleTimeout=0.1)) as http:
        await post(http, "echo", {"message": "a"})
        with anyio.fail_after(5):
            while (await http.get("/one/mcp/health")).json()["status"] != "idle":
                await anyio.sleep(0.02)
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert (await http.get("/one/mcp/health")).json()["starts"] == 2


async def test_entry_may_have_a_shorter_time_limit(serving: Serving) -> None:
    async with serving(one=entry(timeout=0.3)) as http:
        answer = await post(http, "hang")
        assert (answer.status_code, answer.json()["type"]) == (504, "urn:multi-mcp:error:timeout")
        seen = await text(http, "seen")
        assert seen["cancelled"] == seen["hanging"]
