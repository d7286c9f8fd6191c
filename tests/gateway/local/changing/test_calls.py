"""Calls at a server whose code changes."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest

from tests.clients import post
from tests.gateway.local.changing.conftest import Changed

pytestmark = pytest.mark.anyio


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
