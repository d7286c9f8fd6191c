"""Calls of two principals to the processes of the server `one`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import httpx2
from anyio.abc import TaskGroup

from tests.matrix.principals import MODEST
from tests.matrix.target import Target
from tests.wire import messages, request

Headers = Mapping[str, str]
Reached = Callable[..., AbstractAsyncContextManager[Target]]


async def over_json(target: Target, tool: str, who: Headers, **arguments: Any) -> httpx2.Response:
    return await target.http.post("/one/mcp/call", json={"tool": tool, "arguments": arguments}, headers=who)


def call_of(tool: str) -> dict[str, Any]:
    return request("tools/call", name=tool, arguments={})


async def pid_of(target: Target, who: Headers) -> int:
    answer = await over_json(target, "pid", who)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["result"].split()[0])


async def calls_seen(target: Target, who: Headers) -> int:
    """Returns the number of calls that the process of a caller has had, with this one."""
    found: int = json.loads((await over_json(target, "seen", who)).json()["result"])["calls"]
    return found


async def health(target: Target, wanted: str = "ok") -> dict[str, Any]:
    """Waits until the server has this status, and returns its health."""
    with anyio.fail_after(10):
        while (found := (await target.http.get("/one/mcp/health", headers=MODEST)).json())["status"] != wanted:
            await anyio.sleep(0.02)
    return dict(found)


async def in_session(target: Target, tool: str, session: Headers, url: str = "/one/mcp") -> str:
    """Calls a tool in a legacy session, and returns its text."""
    answer = await target.http.post(url, json=call_of(tool), headers=session)
    text: str = messages(answer.text)[-1]["result"]["content"][0]["text"]
    return text


async def hanging(target: Target, who: Headers, tasks: TaskGroup) -> list[httpx2.Response]:
    """Begins a call that does not end, and returns the list that gets its answer."""
    answers: list[httpx2.Response] = []

    async def call() -> None:
        answers.append(await over_json(target, "hang", who))

    tasks.start_soon(call)
    with anyio.fail_after(10):
        while not json.loads((await over_json(target, "seen", who)).json()["result"])["hanging"]:
            await anyio.sleep(0.01)
    return answers
