"""Calls on a server of the SDK over the transport of 2024, in each way that a client may call."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.calls.test_asking import TOOLS, go_on
from tests.gateway.upstream.conftest import Serving, status, written
from tests.matrix.target import Target
from tests.matrix.ways import WAYS
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Far = dict[str, Any]


@pytest.mark.parametrize("way", WAYS)
async def test_tool_is_called_in_each_way(far: Far, way: str, make_app: MakeApp, tmp_path: Any) -> None:
    app = make_app(servers_file=written(tmp_path, {"one": far}), graphql=GRAPHQL)
    async with opened(app) as http:
        await status(http)
        outcome = await WAYS[way](Target(app, http), "add", {"a": 2, "b": 3}, {})
    assert (outcome.slug, outcome.value) == ("ok", 5)


@pytest.mark.parametrize("server", ["one", ""])
@pytest.mark.parametrize("era", ERAS)
async def test_client_is_asked_by_a_tool(serving: Serving, far: Far, era: Era, server: str) -> None:
    person, prefix = Person(), "" if server else "one_"
    async with serving(one=far) as http:
        await status(http)
        async with asked(http, era, person, server) as client:
            assert {tool: await said(client, prefix + tool) for tool in TOOLS} == TOOLS
    assert person.asked == ["Who?", "sampling", "roots"]


async def test_caller_over_json_is_asked_by_a_tool(serving: Serving, far: Far) -> None:
    async with serving(one=far) as http:
        for tool, result in TOOLS.items():
            question = await post(http, tool)
            assert question.status_code == 202
            assert (await go_on(http, tool, question.json())).json() == {"result": result}


async def test_question_is_refused_while_calls_of_two_clients_are_in_flight_on_the_stream(
    serving: Serving, far: Far
) -> None:
    async with serving(one=far) as http:
        first = await post(http, "elicit")
        assert first.status_code == 202
        assert (await post(http, "elicit")).json() == {"result": "refused: -32601"}
        assert (await go_on(http, "elicit", first.json())).json() == {"result": "Hello Ann"}
        assert (await post(http, "elicit")).status_code == 202


async def test_each_client_is_asked_its_own_questions_alone(serving: Serving, far: Far) -> None:
    people = [Person(f"P{number}") for number in range(4)]

    async def calls(http: Any, person: Person) -> None:
        async with asked(http, "legacy", person) as client, anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(call, client, person, f"{number}")

    async def call(client: Any, person: Person, greeting: str) -> None:
        assert await said(client, "elicit", greeting=greeting) == f"{greeting} {person.name}"

    async with serving(one=far) as http, anyio.create_task_group() as tasks:
        for person in people:
            tasks.start_soon(calls, http, person)
    assert [person.asked for person in people] == [["Who?"] * 4] * 4


async def test_server_learns_what_the_client_can_be_asked(serving: Serving, far: Far) -> None:
    person = Person()
    async with serving(one=far) as http:
        async with asked(http, "legacy", person) as client:
            assert json.loads(await said(client, "declared")).keys() == {"elicitation", "sampling", "roots"}
        async with connected(http, "legacy", list_roots_callback=person.roots) as client:
            assert json.loads(await said(client, "declared")).keys() == {"roots"}


@pytest.mark.parametrize("era", ERAS)
async def test_progress_comes_complete_and_in_order(serving: Serving, far: Far, era: Era) -> None:
    steps: list[float] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with serving(one=far) as http, connected(http, era) as client:
        await client.call_tool("count_to", {"number": 100}, progress_callback=report)
        with anyio.fail_after(5):
            while len(steps) < 100:
                await anyio.sleep(0.01)
    assert steps == list(range(100))


@pytest.mark.parametrize("era", ERAS)
async def test_client_gets_the_log_messages_of_its_call(serving: Serving, far: Far, era: Era) -> None:
    person = Person()
    async with serving(one=far) as http:
        await status(http)
        level: Any = {"log_level": "info"} if era == "modern" else {}
        async with asked(http, era, person, **level) as client:
            assert await said(client, "logs") == "logged"
            with anyio.fail_after(5):
                while ("warning", "a warning") not in person.logged:
                    await anyio.sleep(0.01)
    debug = [("debug", "a debug")] if era == "legacy" else []
    assert person.logged == [*debug, ("warning", "a warning")]


async def test_events_of_a_call_over_json_are_its_log_progress_and_result(serving: Serving, far: Far) -> None:
    async with serving(one=far) as http:
        answer = await http.post("/one/mcp/call", json={"tool": "logs"}, headers={"accept": "text/event-stream"})
    names = [line for line in answer.text.splitlines() if line.startswith("event")]
    assert names == ["event: log", "event: log", "event: progress", "event: result"]


@pytest.mark.parametrize("era", ERAS)
async def test_call_whose_client_leaves_is_cancelled_in_the_tool(serving: Serving, far: Far, era: Era) -> None:
    async def counts(name: str) -> int:
        return int((await post(http, "slept")).json()["result"][name])

    async with serving(one=far) as http, connected(http, era) as client:
        before = await counts("cancelled")
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "sleep", {"seconds": 60})
                while not await counts("asleep"):
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
            while await counts("cancelled") == before:
                await anyio.sleep(0.01)
        assert (await post(http, "add", {"a": 1, "b": 1})).json() == {"result": 2}


async def test_many_calls_at_once_receive_their_own_answers(serving: Serving, far: Far) -> None:
    found: dict[int, Any] = {}

    async def call(number: int) -> None:
        found[number] = (await post(http, "add", {"a": number, "b": 0})).json()["result"]

    async with serving(one=far) as http, anyio.create_task_group() as tasks:
        for number in range(150):
            tasks.start_soon(call, number)
    assert found == {number: number for number in range(150)}


async def test_results_and_arguments_may_be_large(serving: Serving, far: Far) -> None:
    async with serving(one=far) as http:
        assert len((await post(http, "big", {"size": 2_000_000})).json()["result"]) == 2_000_000
        assert len((await post(http, "echo", {"text": "ü" * 300_000})).json()["result"]) == 300_000
