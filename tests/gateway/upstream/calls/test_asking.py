"""Questions of an upstream in mid-call: they reach the client of that call, in each pair of eras, and over JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests import wire
from tests.clients import ERAS, Era, connected, error_of, post
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.conftest import Serving, status
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.shipped import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ANSWERS: dict[str, Any] = {
    "elicitation/create": {"action": "accept", "content": {"name": "Ann"}},
    "sampling/createMessage": {"role": "assistant", "content": {"type": "text", "text": "Ann"}, "model": "m"},
    "roots/list": {"roots": [{"uri": "file:///Ann"}]},
}
TOOLS = {"elicit": "Hello Ann", "sample": "Ann", "roots": "file:///Ann"}
BOTH = pytest.mark.parametrize("upstream", ["modern", "legacy"])
CHILD = pytest.param("child", marks=pytest.mark.slow)
EACH = pytest.mark.parametrize("upstream", ["modern", "legacy", CHILD])


def at(url: str, upstream: str, **more: Any) -> dict[str, Any]:
    """Returns the entry of the server at `url` in one era; of a child in that of sessions for `child`."""
    if upstream != "child":
        return {"url": url, "era": upstream, **more}
    args = ["-m", "tests.gateway.upstream.calls.asking_server", "stdio"]
    return {"command": sys.executable, "args": args, "cwd": str(ROOT), "era": "legacy", **more}


async def go_on(
    http: httpx2.AsyncClient, tool: str, question: Any, arguments: Any = None, **options: Any
) -> httpx2.Response:
    """Answers what a tool asks over JSON."""
    answers = {key: ANSWERS[request["method"]] for key, request in question["inputRequests"].items()}
    body = {"tool": tool, "requestState": question["requestState"], "inputResponses": answers}
    return await http.post("/one/mcp/call", json=body | ({"arguments": arguments} if arguments else {}), **options)


@EACH
@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
async def test_client_is_asked_by_a_tool_elsewhere(
    serving: Serving, url: str, era: Era, server: str, upstream: str
) -> None:
    person, prefix = Person(), "" if server else "one_"
    async with serving(one=at(url, upstream)) as http:
        await status(http)
        async with asked(http, era, person, server) as client:
            assert {tool: await said(client, prefix + tool) for tool in TOOLS} == TOOLS
    assert person.asked == ["Who?", "sampling", "roots"]


@EACH
async def test_caller_over_json_is_asked_by_a_tool_elsewhere(serving: Serving, url: str, upstream: str) -> None:
    async with serving(one=at(url, upstream)) as http:
        for tool, result in TOOLS.items():
            question = await post(http, tool)
            assert question.status_code == 202
            assert (await go_on(http, tool, question.json())).json() == {"result": result}


@pytest.mark.parametrize("upstream", ["legacy", CHILD])
async def test_questions_that_a_tool_elsewhere_asks_at_once_are_told_together(
    serving: Serving, url: str, upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.calls.live.LiveCall.settles", 2.0)  # the server may be slow to ask
    async with serving(one=at(url, upstream)) as http:
        question = (await post(http, "several")).json()
        methods = [request["method"] for request in question["inputRequests"].values()]
        assert sorted(methods) == ["elicitation/create", "sampling/createMessage"]
        assert (await go_on(http, "several", question)).json() == {"result": 2}


async def test_state_of_a_call_over_json_is_valid_for_the_same_arguments_alone(serving: Serving, url: str) -> None:
    async with serving(one=at(url, "modern")) as http:
        question = (await post(http, "elicit", {"greeting": "Hi"})).json()
        assert "asked Hi" not in question["requestState"]
        for arguments in ({"greeting": "Ha"}, None):
            refused = await go_on(http, "elicit", question, arguments)
            assert (refused.status_code, refused.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
        assert (await go_on(http, "elicit", question, {"greeting": "Hi"})).json() == {"result": "Hi Ann"}
        refused = await go_on(http, "sample", question, {"greeting": "Hi"})
        assert refused.status_code == 400


@pytest.mark.parametrize("era", ERAS)
@BOTH
async def test_upstream_learns_exactly_what_the_client_can_be_asked(
    serving: Serving, url: str, era: Era, upstream: str
) -> None:
    person = Person()
    async with serving(one=at(url, upstream)) as http:
        async with asked(http, era, person) as client:
            full = json.loads(await said(client, "declared"))
        assert full.keys() == {"elicitation", "sampling", "roots"}
        async with connected(http, era, list_roots_callback=person.roots) as client:
            assert json.loads(await said(client, "declared")).keys() == {"roots"}
        over_json = (await post(http, "declared")).json()["result"]
        assert over_json.keys() == {"elicitation", "sampling", "roots"}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("upstream", ["legacy", CHILD])
async def test_question_that_needs_more_than_the_client_declares_is_refused_with_the_capability(
    serving: Serving, url: str, era: Era, upstream: str
) -> None:
    person = Person()
    async with serving(one=at(url, upstream)) as http:
        await status(http)
        for roots in (None, person.roots):
            async with connected(http, era, list_roots_callback=roots) as client:
                error = await error_of(client, "sample", {})
            assert (error["code"], error["data"]) == (-32021, {"requiredCapabilities": {"sampling": {}}})


async def test_upstream_that_asks_for_ever_is_left_after_ten_rounds(serving: Serving, url: str) -> None:
    person = Person()
    async with serving(one=at(url, "modern")) as http, asked(http, "legacy", person) as client:
        before = json.loads(await said(client, "counts"))["runs"]
        with pytest.raises(Exception, match="its client cannot give"):
            await said(client, "asks_for_ever")
        assert json.loads(await said(client, "counts"))["runs"] == before + 11
    assert len(person.asked) == 10


async def test_state_of_one_principal_is_refused_to_another(serving: Serving, url: str, tmp_path: Path) -> None:
    async with serving(principals(tmp_path), one=at(url, "modern")) as http:
        question = (await http.post("/one/mcp/call", json={"tool": "elicit"}, headers=GREEDY)).json()
        assert (await go_on(http, "elicit", question, headers=MODEST)).status_code == 400
        assert (await go_on(http, "elicit", question, headers=GREEDY)).json() == {"result": "Hello Ann"}


async def test_native_state_of_one_principal_is_refused_to_another(serving: Serving, url: str, tmp_path: Path) -> None:
    async with serving(principals(tmp_path), one=at(url, "modern")) as http:

        async def call(who: dict[str, str], **more: Any) -> Any:
            headers, body = wire.modern("tools/call", name="elicit", arguments={}, **more)
            body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
            answer = await http.post("/one/mcp", json=body, headers=headers | who)
            return (wire.messages(answer.text) or [answer.json()])[-1]

        question = (await call(GREEDY))["result"]
        assert question["resultType"] == "input_required"
        assert "asked" not in question["requestState"]
        more = {
            "requestState": question["requestState"],
            "inputResponses": {"who": ANSWERS["elicitation/create"]},
        }
        assert (await call(MODEST, **more))["error"]["data"] == {"reason": "invalid_request_state"}
        assert (await call(GREEDY, **more))["result"]["content"][0]["text"] == "Hello Ann"


async def test_openapi_says_that_a_tool_elsewhere_may_ask(serving: Serving, url: str) -> None:
    async with serving(one=at(url, "modern")) as http:
        await post(http, "declared")
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert "202" in paths["/one/mcp/tools/elicit"]["post"]["responses"]


@EACH
@pytest.mark.parametrize("era", ERAS)
async def test_client_gets_the_log_messages_of_its_call(serving: Serving, url: str, era: Era, upstream: str) -> None:
    person = Person()
    async with serving(one=at(url, upstream)) as http:
        await status(http)
        level: Any = {"log_level": "info"} if era == "modern" else {}
        async with asked(http, era, person, **level) as client:
            assert await said(client, "logs") == "logged"
            with anyio.fail_after(5):
                while ("warning", "a warning") not in person.logged:
                    await anyio.sleep(0.01)
    debug = [("debug", "a debug")] if era == "legacy" else []
    assert person.logged == [*debug, ("warning", "a warning")]


@EACH
async def test_log_messages_of_a_call_over_json_are_events(serving: Serving, url: str, upstream: str) -> None:
    async with serving(one=at(url, upstream)) as http:
        answer = await http.post("/one/mcp/call", json={"tool": "logs"}, headers={"accept": "text/event-stream"})
    names = [line for line in answer.text.splitlines() if line.startswith("event")]
    assert names == ["event: log", "event: log", "event: progress", "event: result"]
