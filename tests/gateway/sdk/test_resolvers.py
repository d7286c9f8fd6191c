"""Sync resolvers: they run in the threads of their server, and ask as before."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pytest
from anyio import create_task_group, to_thread
from mcp.server.mcpserver import Elicit, Resolve
from mcp_types import ElicitResult
from pydantic import BaseModel

from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio
begun, release = threading.Semaphore(0), threading.Event()


class Answer(BaseModel):
    number: int


def base() -> int:
    begun.release()
    release.wait(10)
    return 40


def total(base: Annotated[int, Resolve(base)], extra: int) -> int:
    return base + extra


async def resolved(extra: int, total: Annotated[int, Resolve(total)]) -> int:
    return total


def question() -> Elicit[Answer]:
    return Elicit("Which number?", Answer)


async def asks(number: Annotated[Answer, Resolve(question)]) -> int:
    return number.number


async def test_sync_resolvers_run_in_the_threads_of_their_server(make_app: MakeApp) -> None:
    release.clear()
    answers: list[Any] = []
    async with opened(make_app(server_of(resolved), threads=1)) as http, create_task_group() as tasks:

        async def ask() -> None:
            answers.append((await post(http, "resolved", {"extra": 2})).json())

        for _ in range(2):
            tasks.start_soon(ask)
        await to_thread.run_sync(begun.acquire)
        assert not begun.acquire(blocking=False)
        assert to_thread.current_default_thread_limiter().borrowed_tokens == 0
        release.set()
    assert answers == [{"result": 42}] * 2


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_sync_resolver_asks_its_client(make_app: MakeApp, era: Era) -> None:
    async def answer(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"number": 7})

    async with (
        opened(make_app(server_of(asks))) as http,
        connected(http, era, elicitation_callback=answer) as client,
    ):
        assert (await client.call_tool("asks")).structured_content == {"result": 7}
