"""Calls at a server whose code changes."""

from __future__ import annotations

import gc
from typing import Any

import anyio
import httpx2
import pytest

from gateway.local.server import LocalServer
from tests.clients import answered, connected, post
from tests.gateway.local.changing.conftest import Changed, until

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_call_in_flight_ends_in_the_old_code_which_closes_after_it(changed: Changed) -> None:
    answers: list[httpx2.Response] = []

    async def wait() -> None:
        answers.append(await post(changed.http, "wait"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await changed.until_exists("begun")
        await changed.to(2)
        assert changed.events() == ["opens 1", "opens 2"]
        (changed.folder / "gate").touch()
    assert answers[0].json() == {"result": "state 1"}
    await changed.until_event("closes 1")


async def test_call_that_waits_for_input_goes_on_in_the_old_code(changed: Changed) -> None:
    asked: dict[str, Any] = (await post(changed.http, "elicit")).json()
    await changed.to(2)
    assert changed.events() == ["opens 1", "opens 2"]
    answers = {name: {"action": "accept", "content": {"name": "Ada"}} for name in asked["inputRequests"]}
    body = {"tool": "elicit", "requestState": asked["requestState"], "inputResponses": answers}
    assert (await changed.http.post("/one/mcp/call", json=body)).json() == {"result": "1 Ada"}
    await changed.until_event("closes 1")


async def test_removed_server_ends_its_code_and_its_sessions(changed: Changed) -> None:
    await changed.to(2)
    (changed.folder / "one_server.py").unlink()
    await changed.until_event("closes 2")
    assert (await post(changed.http, "say")).status_code == 404


async def test_old_code_is_freed_although_a_session_goes_on(changed: Changed) -> None:
    def alive() -> int:
        gc.collect()
        return sum(type(each) is LocalServer for each in gc.get_objects())

    async with connected(changed.http, "legacy") as client:
        await changed.to(2)
        before = alive()
        for number in range(3, 7):
            await changed.to(number)
            await answered(client, "say")

            async def is_closed(number: int = number) -> bool:
                return f"closes {number - 1}" in changed.events()

            await until(is_closed)

        async def is_freed() -> bool:
            return alive() <= before

        await until(is_freed)
