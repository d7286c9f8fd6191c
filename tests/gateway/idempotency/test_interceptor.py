"""Calls with a key through the application: what is repeated, what runs again, and what bounds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import anyio
import pytest

from tests.conftest import MakeApp
from tests.events import STREAM, all_events
from tests.gateway.idempotency.once import Once, once, slug
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.sockets import connected

pytestmark = pytest.mark.anyio
ACCEPTED = {"action": "accept", "content": {"size": 3}}


@pytest.fixture
async def one(make_app: MakeApp) -> AsyncIterator[Once]:
    async with once(make_app) as one:
        yield one


@pytest.mark.slow
async def test_repeated_answer_says_so(one: Once) -> None:
    answers = [await one.call("draws", key) for key in ("a", "a", "b", None)]
    assert [answer.json() for answer in answers] == [{"result": 1}, {"result": 1}, {"result": 2}, {"result": 3}]
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", None, None]


@pytest.mark.slow
async def test_repeated_error_says_so(one: Once) -> None:
    first, again = [await one.call("large", size=20_000_000, arguments={"size": 20_000_000}) for _ in range(2)]
    assert (slug(first), slug(again), one.runs) == ((500, "tool-crashed"), (500, "tool-crashed"), 1)
    assert [answer.headers.get("idempotency-replayed") for answer in (first, again)] == [None, "true"]


async def test_two_keys_of_one_request_are_refused(one: Once) -> None:
    headers = [("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await one.http.post("/one/mcp/call", json={"tool": "draws"}, headers=headers)
    assert (slug(answer), one.runs) == ((400, "invalid-request"), 0)


@pytest.mark.parametrize("tool", ["waits", "reports"])
@pytest.mark.parametrize("headers", [{}, STREAM], ids=["json", "stream"])
@pytest.mark.slow
async def test_call_whose_client_leaves_goes_on_and_answers_the_next_one(
    one: Once, tool: str, headers: Mapping[str, str]
) -> None:
    first = asyncio.create_task(one.call(tool, headers=headers))
    with anyio.fail_after(5):
        await one.begun.wait()
        first.cancel()
        await asyncio.sleep(0.3)  # the watch for the end of the connection begins after 0.1 s
        again = asyncio.create_task(one.call(tool))
        await asyncio.sleep(0)
        one.go_on.set()
        assert ((await again).json(), one.runs) == ({"result": 1}, 1)
    assert (await one.call(tool)).json() == {"result": 1}


@pytest.mark.slow
async def test_stream_and_socket_repeat_the_answer(one: Once) -> None:
    assert (await one.call("draws")).json() == {"result": 1}
    [event] = await all_events(await one.call("draws", headers=STREAM))
    assert (event.name, event.data) == ("result", {"result": 1})
    async with connected(one.http._transport._app, "/one/mcp/ws") as socket:  # type: ignore[attr-defined]
        assert await socket.ask({"id": 1, "tool": "draws", "idempotencyKey": "one"}) == {"id": 1, "result": 1}
        refused = await socket.ask({"id": 2, "tool": "draws", "idempotencyKey": 5})
        assert (refused["id"], refused["error"]["status"]) == (2, 400)


@pytest.mark.slow
async def test_questions_are_repeated_and_each_step_runs_once(one: Once) -> None:
    first, again = [await one.call("asks_in_body") for _ in range(2)]
    assert (first.status_code, first.json(), one.runs) == (202, again.json(), 1)
    question = first.json()
    body = {
        "requestState": question["requestState"],
        "inputResponses": dict.fromkeys(question["inputRequests"], ACCEPTED),
    }
    steps = [await one.call("asks_in_body", **body) for _ in range(2)]
    assert ([step.json() for step in steps], one.runs) == ([{"result": 203}] * 2, 2)
    other = {**body, "inputResponses": {key: {"action": "decline"} for key in body["inputResponses"]}}
    assert slug(await one.call("asks_in_body", **other)) == (409, "conflict")


@pytest.mark.slow
async def test_answer_that_is_too_large_is_not_kept_and_the_call_does_not_run_again(make_app: MakeApp) -> None:
    async with once(make_app, idempotency_max_bytes=80_000) as one:
        answers = [await one.call("large", arguments={"size": 10_001}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 410, 410]
        assert (one.runs, slug(answers[1])) == (1, (410, "gone"))
        assert answers[1].json()["detail"] == "The call has run, and its answer was too large to be kept."


@pytest.mark.slow
async def test_oldest_answers_go_first(make_app: MakeApp) -> None:
    async with once(make_app, idempotency_max_bytes=2000) as one:
        for key in ("a", "b", "c", "d"):
            await one.call("draws", key)
        assert [(await one.call("draws", key)).json()["result"] for key in ("d", "c", "a")] == [4, 3, 5]


@pytest.mark.slow
async def test_time_limit_bounds_a_call_with_a_key_and_its_error_is_kept(make_app: MakeApp) -> None:
    async with once(make_app, call_timeout=0.05) as one:
        answers = [await one.call("waits") for _ in range(2)]
        assert ([slug(answer) for answer in answers], one.runs) == ([(504, "timeout")] * 2, 1)


@pytest.mark.slow
async def test_calls_with_keys_are_bounded_and_one_principal_has_a_share(make_app: MakeApp, tmp_path: Path) -> None:
    async with once(make_app, max_calls=4, **principals(tmp_path)) as one:
        waiting = asyncio.create_task(one.call("waits", headers=GREEDY))
        with anyio.fail_after(5):
            await one.begun.wait()
            refused = await one.call("waits", headers=GREEDY)
            assert (slug(refused), refused.headers["retry-after"]) == ((429, "share-exceeded"), "1")
            assert (await one.call("draws", headers=MODEST)).json() == {"result": 2}
            one.go_on.set()
            assert (await waiting).json() == {"result": 1}
        assert (await one.call("waits", headers=GREEDY)).json() == {"result": 1}


@pytest.mark.slow
async def test_call_that_was_refused_for_lack_of_places_runs_later(make_app: MakeApp) -> None:
    async with once(make_app, max_calls=2) as one:
        waiting = [asyncio.create_task(one.call("waits", None)) for _ in range(2)]
        with anyio.fail_after(5):
            while one.runs < 2:
                await asyncio.sleep(0)
            assert slug(await one.call("draws")) == (503, "unavailable")
            one.go_on.set()
            await asyncio.gather(*waiting)
        assert [(await one.call("draws")).json() for _ in range(2)] == [{"result": 3}] * 2


async def test_call_with_a_key_ends_with_the_application(make_app: MakeApp) -> None:
    with anyio.fail_after(10):
        async with once(make_app, shutdown_grace=0.1) as one:
            waiting = asyncio.create_task(one.call("waits"))
            await one.begun.wait()
            waiting.cancel()
    assert one.runs == 1


async def test_several_workers_without_redis_refuse_keys(make_app: MakeApp) -> None:
    async with once(make_app, workers=2) as one:
        answer = await one.call("draws")
        assert (slug(answer), one.runs) == ((400, "invalid-request"), 0)
        assert answer.json()["detail"] == "Idempotency keys are off: several workers need REDIS_URL for them."
