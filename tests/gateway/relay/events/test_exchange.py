"""Change events reach clients of both eras at every process of a deployment, here the workers of one parent."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from features.asking import Inheritance, inherited
from tests.clients import connected, post
from tests.conftest import MakeApp
from tests.gateway.relay.events.three import LISTS, UPDATED, listening, three

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
__all__ = [
    "Replicas",
    "test_different_events_beyond_the_bound_become_one_of_everything",
    "test_event_of_any_process_reaches_every_listener_of_every_process",
    "test_event_told_in_a_session_reaches_every_listener_of_every_process",
    "test_flood_of_one_event_is_a_few_in_other_processes",
]  # tests/redis has them too
Replicas = Callable[..., AbstractAsyncContextManager[list[httpx2.AsyncClient]]]


@asynccontextmanager
async def workers(make_app: MakeApp, folder: Path, **settings: Any) -> AsyncIterator[list[httpx2.AsyncClient]]:
    token = inherited.set(Inheritance(secrets.token_hex(32), str(folder)))
    try:
        async with three(make_app, **settings) as replicas:
            yield replicas
    finally:
        inherited.reset(token)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")


@pytest.fixture
def open_three(make_app: MakeApp, folder: Path) -> Replicas:
    return partial(workers, make_app, folder)


async def test_event_of_any_process_reaches_every_listener_of_every_process(open_three: Replicas) -> None:
    async with open_three() as replicas, listening(*replicas) as listeners:
        for http in replicas:
            for listener in listeners.values():
                listener.heard.clear()
            assert (await post(http, "publish")).status_code == 200
            for listener in listeners.values():
                await listener.hears()
        await anyio.sleep(0.3)
        heard = {name: listener.heard for name, listener in listeners.items() if "one" in name}
        assert [name for name, count in heard.items() if {*count.values()} != {1}] == []


async def test_event_told_in_a_session_reaches_every_listener_of_every_process(open_three: Replicas) -> None:
    async with open_three() as replicas, listening(*replicas) as listeners:
        async with connected(replicas[1], "legacy", "one") as client:
            await client.call_tool("say", {})
        for listener in listeners.values():
            await listener.hears()


async def test_flood_of_one_event_is_a_few_in_other_processes(open_three: Replicas) -> None:
    async with open_three() as replicas, listening(replicas[1]) as listeners:
        assert (await post(replicas[0], "flood")).status_code == 200
        for listener in listeners.values():
            await listener.hears(UPDATED)
        await anyio.sleep(0.3)
        # One in each twentieth of a second in which a busy machine publishes its 10,000.
        assert max(listener.heard[UPDATED] for listener in listeners.values()) < 2_000


async def test_different_events_beyond_the_bound_become_one_of_everything(open_three: Replicas) -> None:
    async with open_three() as replicas, listening(replicas[1]) as listeners:
        assert (await post(replicas[0], "flood", {"uris": 5000, "times": 5000})).status_code == 200
        for listener in listeners.values():
            await listener.hears()


async def test_worker_that_took_no_messages_is_told_that_it_may_have_missed_some(
    open_three: Replicas, folder: Path
) -> None:
    async with open_three() as replicas, listening(replicas[1]) as listeners:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
            silent.bind(str(folder / "0.events"))
            for _ in range(300):
                await post(replicas[0], "publish")
                await anyio.sleep(0.002)
            for listener in listeners.values():
                await listener.hears(*LISTS)
        (folder / "0.events").unlink(missing_ok=True)
        assert (await post(replicas[0], "publish")).status_code == 200


async def test_one_process_alone_has_no_exchange(make_app: MakeApp) -> None:
    async with three(make_app) as replicas, listening(*replicas) as listeners:
        assert (await post(replicas[0], "publish")).status_code == 200
        for name, listener in listeners.items():
            if name.endswith("0"):
                await listener.hears()
        assert [name for name, each in listeners.items() if each.heard and not name.endswith("0")] == []
