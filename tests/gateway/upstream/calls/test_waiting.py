"""Calls to an upstream while its client is asked: how long it may wait, and how it ends."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from features.asking import Inheritance, inherited
from tests.clients import ERAS, Era, post
from tests.conftest import MakeApp
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.calls.test_asking import at, go_on
from tests.gateway.upstream.conftest import Serving, written
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
EACH = pytest.mark.parametrize("upstream", ["modern", "legacy", "child"])
OLD = pytest.mark.parametrize("upstream", ["legacy", "child"])


async def counts(http: httpx2.AsyncClient, **options: Any) -> dict[str, int]:
    answer = await http.post("/one/mcp/call", json={"tool": "counts"}, **options)
    found: dict[str, int] = answer.json()["result"]
    return found


async def cancelled_since(http: httpx2.AsyncClient, before: dict[str, int]) -> None:
    """Waits until one more call has been cancelled in its tool."""
    with anyio.fail_after(5):
        while (await counts(http))["cancelled"] == before["cancelled"]:
            await anyio.sleep(0.02)


@EACH
@pytest.mark.parametrize("era", ERAS)
async def test_time_in_which_a_person_thinks_does_not_count(
    serving: Serving, url: str, era: Era, upstream: str
) -> None:
    person = Person()
    person.thinks = anyio.Event()
    limits = {"call_timeout": 0.4, "call_total_timeout": 0.4}
    async with serving(limits, one=at(url, upstream, timeout=0.4)) as http:
        await http.get("/one/mcp/tools")
        async with asked(http, era, person) as client, anyio.create_task_group() as tasks:
            await client.list_tools()
            tasks.start_soon(lambda: _expect(client, "Hello Ann"))
            with anyio.fail_after(5):
                while not person.asked:
                    await anyio.sleep(0.01)
            await anyio.sleep(0.6)
            person.thinks.set()


async def _expect(client: Any, text: str) -> None:
    assert await said(client, "elicit") == text


@EACH
async def test_caller_over_json_may_think_longer_than_a_call_may_take(
    serving: Serving, url: str, upstream: str
) -> None:
    limits = {"call_timeout": 0.4, "call_total_timeout": 0.4}
    async with serving(limits, one=at(url, upstream, timeout=0.4)) as http:
        await http.get("/one/mcp/tools")
        while (question := await post(http, "elicit")).status_code != 202:
            await anyio.sleep(0.1)  # the child starts longer than a call may take
        await anyio.sleep(0.6)
        assert (await go_on(http, "elicit", question.json())).json() == {"result": "Hello Ann"}


@OLD
async def test_waiting_call_is_continued_by_its_principal_alone_and_once(
    serving: Serving, url: str, upstream: str, tmp_path: Path
) -> None:
    async with serving(principals(tmp_path), one=at(url, upstream)) as http:
        runs = (await counts(http, headers=GREEDY))["runs"]
        question = (await http.post("/one/mcp/call", json={"tool": "elicit"}, headers=GREEDY)).json()
        for refused in (
            await go_on(http, "elicit", question, headers=MODEST),
            await go_on(http, "sample", question, headers=GREEDY),
        ):
            assert (refused.status_code, refused.json()["type"]) == (400, "urn:multi-mcp:error:invalid-request")
        assert (await go_on(http, "elicit", question, headers=GREEDY)).json() == {"result": "Hello Ann"}
        assert (await go_on(http, "elicit", question, headers=GREEDY)).status_code == 400
        assert (await counts(http, headers=GREEDY))["runs"] == runs + 1


async def test_number_of_waiting_calls_is_bounded_and_other_calls_go_on(serving: Serving, url: str) -> None:
    async with serving(one=at(url, "legacy")) as http:
        waiting = [(await post(http, "elicit")).json() for _ in range(100)]
        refused = await post(http, "elicit")
        assert (refused.status_code, "calls that wait for input" in refused.json()["detail"]) == (503, True)
        assert (await go_on(http, "elicit", waiting[0])).json() == {"result": "Hello Ann"}
        assert (await post(http, "elicit")).status_code == 202
        assert (await post(http, "declared")).status_code == 200


@OLD
async def test_call_that_nobody_continues_is_cancelled_upstream(serving: Serving, url: str, upstream: str) -> None:
    async with serving({"input_timeout": 0.1}, one=at(url, upstream)) as http:
        before = await counts(http)
        question = (await post(http, "elicit")).json()
        await cancelled_since(http, before)
        assert (await go_on(http, "elicit", question)).status_code == 400


@OLD
@pytest.mark.parametrize("era", ERAS)
async def test_client_that_leaves_while_it_is_asked_cancels_the_call_upstream(
    serving: Serving, url: str, era: Era, upstream: str
) -> None:
    person = Person()
    person.thinks = anyio.Event()
    async with serving({"input_timeout": 0.5}, one=at(url, upstream)) as http:
        before = await counts(http)
        async with asked(http, era, person) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(said, client, "elicit")
            with anyio.fail_after(5):
                while not person.asked:
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        await cancelled_since(http, before)


async def test_waiting_call_is_continued_over_json_from_another_worker(
    make_app: MakeApp, url: str, tmp_path: Path
) -> None:
    file = written(tmp_path, {"one": at(url, "legacy")})
    (tmp_path / "s").mkdir(mode=0o700)
    token = inherited.set(Inheritance(secrets.token_hex(32), str(tmp_path / "s")))
    try:
        apps = [make_app(servers_file=file) for _ in range(2)]
        async with opened(apps[0]) as first, opened(apps[1]) as other:
            question = await post(first, "elicit")
            assert question.status_code == 202
            assert (await go_on(other, "elicit", question.json())).json() == {"result": "Hello Ann"}
            assert (await go_on(first, "elicit", question.json())).status_code == 400
    finally:
        inherited.reset(token)


async def test_server_that_is_closed_ends_its_waiting_calls_upstream(serving: Serving, url: str) -> None:
    async with serving(one=at(url, "legacy")) as http:
        before = await counts(http)
        assert (await post(http, "elicit")).status_code == 202
    async with serving(one=at(url, "legacy")) as http:
        await cancelled_since(http, before)
