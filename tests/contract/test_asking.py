"""Tools that ask for input: over `/call` a call continues when its state and the answers are posted."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.clients import ERAS, Era, answered, connected
from tests.contract.ways import Ways

pytestmark = pytest.mark.anyio

CAKE = {"dish": "cake"}
ACCEPTED = {"action": "accept", "content": {"size": 2, "colour": "blue"}}
ASKING = [
    ("asks_in_its_body", CAKE, "cake: 2 blue"),
    ("asks_by_resolver", CAKE, "cake: 2 blue"),
    ("asks_and_takes_no", CAKE, "accept"),
    ("asks_by_itself", CAKE, "cake: first round: accept {'size': 2, 'colour': 'blue'}"),
]


class Asked:
    """The response to a call that asks for input. `answer` continues the call."""

    def __init__(self, ways: Ways, tool: str, arguments: dict[str, Any], body: dict[str, Any]) -> None:
        self._ways, self._tool, self._arguments = ways, tool, arguments
        self.state: str | None = body.get("requestState")
        self.requests: dict[str, Any] = body.get("inputRequests", {})

    async def answer(self, *answers: Any, tool: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        """Posts answers to the questions, in their order."""
        given = {"inputResponses": dict(zip(self.requests, answers, strict=False)), "requestState": self.state}
        answer = await self._ways.call(tool or self._tool, self._arguments, **(given | more))
        return answer.status_code, answer.json()


async def asked(ways: Ways, tool: str, arguments: dict[str, Any]) -> Asked:
    answer = await ways.call(tool, arguments)
    assert answer.status_code == 202
    assert answer.json()["resultType"] == "input_required"
    return Asked(ways, tool, arguments, answer.json())


@pytest.mark.parametrize(("tool", "arguments", "result"), ASKING)
async def test_call_continues_with_the_answers_of_its_caller(
    ways: Ways, tool: str, arguments: dict[str, Any], result: str
) -> None:
    question = await asked(ways, tool, arguments)
    [request] = question.requests.values()

    assert request["method"] == "elicitation/create"
    assert request["params"]["message"] == "How big a cake?"
    assert request["params"]["requestedSchema"]["properties"]["size"]["minimum"] == 1
    assert await question.answer(ACCEPTED) == (200, {"result": result})
    assert await ways.ran() == [tool]


@pytest.mark.parametrize(("tool", "arguments", "result"), ASKING)
@pytest.mark.parametrize("era", ERAS)
async def test_mcp_client_is_asked_in_the_form_of_its_protocol_era(
    ways: Ways, era: Era, tool: str, arguments: dict[str, Any], result: str
) -> None:
    async def elicited(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert params.message == "How big a cake?"
        return ElicitResult.model_validate(ACCEPTED)

    async with connected(ways.http, era, "kinds", elicitation_callback=elicited) as client:
        if (era, tool) == ("modern", "asks_in_its_body"):  # this era has no requests to the client in mid-call
            assert "back-channel" in (await answered(client, tool, arguments))["error"]
        elif (era, tool) == ("legacy", "asks_by_itself"):  # that era has no results that ask
            assert "error" in await answered(client, tool, arguments)
        else:
            assert (await client.call_tool(tool, arguments)).structured_content == {"result": result}
    assert (await ways.ran() == []) is ((era, tool) == ("legacy", "asks_by_itself"))


@pytest.mark.parametrize("action", ["decline", "cancel"])
@pytest.mark.parametrize("tool", ["asks_in_its_body", "asks_and_takes_no"])
async def test_tool_receives_the_refusal_of_its_caller_to_answer(ways: Ways, tool: str, action: str) -> None:
    question = await asked(ways, tool, CAKE)
    assert await question.answer({"action": action}) == (200, {"result": action})
    assert await ways.ran() == [tool]


async def test_declined_resolver_ends_the_call(ways: Ways) -> None:
    status, body = await (await asked(ways, "asks_by_resolver", CAKE)).answer({"action": "decline"})
    assert (status, body["type"]) == (422, "urn:multi-mcp:error:tool-error")
    assert "declin" in body["detail"].lower()
    assert await ways.ran() == []


async def test_resolver_asks_only_if_it_needs_input(ways: Ways) -> None:
    assert (await ways.call("asks_by_resolver", {"dish": "soup"})).json() == {"result": "soup: 1 red"}
    assert await ways.ran() == ["asks_by_resolver"]


async def test_tool_can_ask_several_times(ways: Ways) -> None:
    first = await asked(ways, "asks_twice", {})
    status, body = await first.answer(ACCEPTED)
    assert status == 202
    second = Asked(ways, "asks_twice", {}, body)
    assert [request["params"]["message"] for request in second.requests.values()] == ["Question 2"]
    assert second.state != first.state
    assert await second.answer({"action": "decline"}) == (200, {"result": ["accept", "decline"]})
    assert await ways.ran() == ["asks_twice"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"inputResponses": {"another": ACCEPTED}}, "must answer what was asked under the same keys"),
        ({"inputResponses": {}}, "must answer what was asked under the same keys"),
        ({"inputResponses": None}, "must answer what was asked under the same keys"),
        ("text", "must be an object"),
        ({"action": "perhaps"}, "does not answer elicitation/create: action"),
        (
            {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"},
            "does not answer elicitation/create: ",
        ),
        ({"action": "accept", "content": {"size": 0}}, "does not match what was asked for, at 'size'"),
        ({"action": "accept", "content": {"size": "big"}}, "does not match what was asked for, at 'size'"),
        ({"action": "accept", "content": {"colour": "red"}}, "does not match what was asked for, at 'content'"),
        ({"action": "accept"}, "does not match what was asked for, at 'content'"),
    ],
)
async def test_invalid_answer_is_refused_and_the_call_still_waits(ways: Ways, wrong: dict[str, Any], why: str) -> None:
    question = await asked(ways, "asks_in_its_body", CAKE)
    is_all = isinstance(wrong, dict) and "inputResponses" in wrong
    status, body = await (question.answer(**wrong) if is_all else question.answer(wrong))

    assert (status, body["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert why in body["detail"]
    assert await question.answer(ACCEPTED) == (200, {"result": "cake: 2 blue"})
    assert await ways.ran() == ["asks_in_its_body"]


@pytest.mark.parametrize("tool", ["asks_by_resolver", "asks_by_itself"])
@pytest.mark.parametrize("wrong", ["text", {"action": "perhaps"}, 5, None, [], {"action": "accept", "content": 5}])
async def test_invalid_answer_is_refused_if_the_caller_holds_the_state(ways: Ways, tool: str, wrong: Any) -> None:
    question = await asked(ways, tool, CAKE)
    status, body = await question.answer(wrong)

    assert (status, body["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert (await question.answer(ACCEPTED))[0] == 200
    assert await ways.ran() == [tool]


@pytest.mark.parametrize("tool", ["asks_in_its_body", "asks_by_resolver", "asks_by_itself"])
async def test_state_is_valid_for_one_tool_and_one_call(ways: Ways, tool: str) -> None:
    question = await asked(ways, tool, CAKE)
    status, body = await question.answer(ACCEPTED, tool="asks_and_takes_no")
    assert (status, body["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert (await question.answer(ACCEPTED))[0] == 200
    assert await ways.ran() == [tool]


async def test_state_of_a_waiting_call_is_used_once(ways: Ways) -> None:
    question = await asked(ways, "asks_in_its_body", CAKE)
    assert (await question.answer(ACCEPTED))[0] == 200
    status, body = await question.answer(ACCEPTED)
    assert status == 400
    assert body["detail"] == "No call waits under this `requestState`: it is unknown, answered or expired."
    assert await ways.ran() == ["asks_in_its_body"]


@pytest.mark.parametrize("state", ["call-unknown", "v1.unknown", "", "unknown", "x" * 5000])
@pytest.mark.parametrize("tool", ["asks_in_its_body", "asks_by_resolver", "async_add"])
async def test_unknown_state_is_refused_and_no_tool_runs(ways: Ways, tool: str, state: str) -> None:
    answer = await ways.call(tool, CAKE, requestState=state, inputResponses={"size": ACCEPTED})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
    assert await ways.ran() == []


@pytest.mark.slow
async def test_tool_can_return_a_state_without_questions(ways: Ways) -> None:
    question = await asked(ways, "asks_to_wait", {})
    assert question.requests == {}
    answer = await ways.call("asks_to_wait", {}, requestState=question.state)
    assert answer.json() == {"result": "later"}
    assert await ways.ran() == ["asks_to_wait"]


async def test_question_without_a_state_is_answered_without_one(ways: Ways) -> None:
    question = await asked(ways, "asks_without_state", {})
    assert question.state is None
    answer = await ways.call("asks_without_state", {}, inputResponses={"size": ACCEPTED})
    assert answer.json() == {"result": "answered"}
    assert await ways.ran() == ["asks_without_state"]


async def test_tool_url_asks_too_and_the_call_continues_over_call(ways: Ways) -> None:
    answer = await ways.tool_url("asks_in_its_body", CAKE)
    assert answer.status_code == 202
    question = Asked(ways, "asks_in_its_body", CAKE, answer.json())
    assert await question.answer(ACCEPTED) == (200, {"result": "cake: 2 blue"})
    assert await ways.ran() == ["asks_in_its_body"]
