"""The owner of each question: the client of the call in which it is asked, and nobody else."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.clients import ERAS, Era, post
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.calls.test_asking import at, go_on
from tests.gateway.upstream.conftest import Serving, entry
from tests.matrix.principals import GREEDY, MODEST, principals

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
BOTH = pytest.mark.parametrize("upstream", ["modern", "legacy"])


@BOTH
@pytest.mark.parametrize("era", ERAS)
async def test_each_client_is_asked_its_own_questions_alone(
    serving: Serving, url: str, era: Era, upstream: str
) -> None:
    people = [Person(f"P{number}") for number in range(5)]

    async def calls(http: httpx2.AsyncClient, person: Person) -> None:
        async with asked(http, era, person) as client:
            for number in range(4):
                assert await said(client, "elicit", greeting=f"{number}") == f"{number} {person.name}"

    async with serving(one=at(url, upstream)) as http, anyio.create_task_group() as tasks:
        for person in people:
            tasks.start_soon(calls, http, person)
    assert [person.asked for person in people] == [["Who?"] * 4] * 5


async def test_question_of_a_shared_child_is_refused_while_it_has_calls_of_two_clients(
    serving: Serving, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(one=at(url, "child")) as http:
        first = await post(http, "elicit")
        assert first.status_code == 202
        assert (await post(http, "elicit")).json() == {"result": "refused: -32601"}
        assert (await post(http, "elicit")).json() == {"result": "refused: -32601"}
        assert (await go_on(http, "elicit", first.json())).json() == {"result": "Hello Ann"}
        assert (await post(http, "elicit")).status_code == 202
    assert caplog.text.count("nobody can say which of them it asks") == 1


async def test_question_of_a_child_after_another_client_has_left_is_refused(serving: Serving, tmp_path: Path) -> None:
    """The call that was cancelled may still run, and it may be the one that asks."""
    limits = {"call_timeout": 0.2, "call_total_timeout": 0.2}
    async with serving(principals(tmp_path) | limits, one=entry("legacy")) as http:
        for who, status in ((MODEST, 504), (GREEDY, 504)):
            assert (await http.post("/one/mcp/call", json={"tool": "hang"}, headers=who)).status_code == status
        answer = await http.post("/one/mcp/call", json={"tool": "ask"}, headers=GREEDY)
        assert "-32601" in answer.json()["result"]


@pytest.mark.parametrize("era", ERAS)
async def test_question_on_the_stream_of_a_session_goes_to_its_client(serving: Serving, url: str, era: Era) -> None:
    people = [Person("Ann"), Person("Bob")]
    if era == "modern":
        people = people[:1]  # the others of its caller share its session
    async with serving(one=at(url, "legacy")) as http, AsyncExitStack() as clients:
        connected = [await clients.enter_async_context(asked(http, era, person)) for person in people]
        for _ in range(2):
            assert [await said(client, "beside") for client in connected] == [person.name for person in people]
    assert [person.asked for person in people] == [["sampling"] * 2] * len(people)


async def test_question_on_the_stream_of_a_session_with_calls_of_two_clients_is_refused(
    serving: Serving, url: str
) -> None:
    async with serving(one=at(url, "legacy")) as http:
        first = await post(http, "beside")
        assert first.status_code == 202
        assert (await post(http, "beside")).json() == {"result": "refused: -32601"}
        assert (await go_on(http, "beside", first.json())).json() == {"result": "Ann"}


async def test_session_is_asked_by_a_shared_child_while_all_calls_are_its_own(serving: Serving, url: str) -> None:
    person = Person()
    person.thinks = anyio.Event()
    async with (
        serving(one=at(url, "child")) as http,
        asked(http, "legacy", person) as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(2):
            tasks.start_soon(said, client, "elicit")
        with anyio.fail_after(10):
            while len(person.asked) < 2:
                await anyio.sleep(0.01)
        person.thinks.set()
