"""What is kept and for whom, and that many equal calls are one. By the front door; stores have their own tests."""

from __future__ import annotations

import logging
import subprocess
import sys

import httpx2
import pytest
from starlette.applications import Starlette

from gateway.cache.interceptor import Cache
from gateway.cache.memory import MemoryStore
from gateway.cache.request import Note, note
from gateway.call import ToolCall, chain
from gateway.local.tools import Tools
from tests.clients import answered, connected, post
from tests.conftest import MakeApp
from tests.gateway.cache.cached import PUBLIC, Counting
from tests.process.live.router import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The logging capability is deprecated")]
MAX_BYTES = 80_000


@pytest.fixture
def app(make_app: MakeApp, counting: Counting) -> Starlette:
    return make_app(counting.server, cache_max_bytes=MAX_BYTES)


async def test_a_second_equal_call_does_not_run_the_tool(http: httpx2.AsyncClient, counting: Counting) -> None:
    for arguments in ({"a": 1}, {"a": 1, "b": 2}, {"b": "2", "a": 1.0}, {"a": "1", "unknown": 1}):
        assert (await post(http, "add", arguments)).json() == {"result": 3}
    assert counting.ran["add"] == 1
    assert (await post(http, "add", {"a": 1, "b": 3})).json() == {"result": 4}
    assert counting.ran["add"] == 2


async def test_a_tool_that_does_not_ask_for_it_is_not_cached(http: httpx2.AsyncClient) -> None:
    assert [(await post(http, "plain")).json()["result"] for _ in range(3)] == [1, 2, 3]


@pytest.mark.process
def test_without_a_tool_that_asks_for_it_there_is_no_cache() -> None:
    made = "import sys, app, settings; app.create_app(settings.Settings())"
    named = (
        "print([name for name in sys.modules if 'cache' in name.partition('.')[2] and name[:4] in ('gate', 'rout')])"
    )
    done = subprocess.run([sys.executable, "-c", f"{made}; {named}"], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"[]\n"


@pytest.mark.parametrize("tool", ["fails", "crashes"])
async def test_an_error_is_not_kept(http: httpx2.AsyncClient, counting: Counting, tool: str) -> None:
    answers = [(await post(http, tool)).status_code for _ in range(2)]
    async with connected(http, "modern") as mcp:
        assert (await answered(mcp, tool))["isError"]
    assert answers == [422, 422] if tool == "fails" else [500, 500]
    assert counting.ran[tool] == 3


async def test_arguments_that_are_wrong_are_refused_as_ever(http: httpx2.AsyncClient, counting: Counting) -> None:
    for _ in range(2):
        answer = await post(http, "add", {"a": "one"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "a")
    assert counting.ran["add"] == 0


async def test_arguments_that_cannot_be_told_apart_are_not_kept(http: httpx2.AsyncClient, counting: Counting) -> None:
    assert [(await post(http, "secret", {"word": word})).json()["result"] for word in "aba"] == ["a", "b", "a"]
    assert counting.ran["secret"] == 3


async def test_a_result_that_is_too_large_is_not_kept(http: httpx2.AsyncClient, counting: Counting) -> None:
    for size in (MAX_BYTES // 8, MAX_BYTES // 8, 10, 10):
        assert len((await post(http, "large", {"size": size})).json()["result"]) == size
    assert counting.ran["large"] == 3


async def test_what_is_private_is_its_callers_alone(app: Starlette, http: httpx2.AsyncClient) -> None:
    async def as_caller(name: str | None, tool: str) -> bytes:
        call = ToolCall("one", tool, {"a": 1} if tool == "add" else {}, "call")
        call.caller = name
        return bytes((await app.state.registry["one"].call(call)).body)

    names = ("ann", "bob", "ann", None, "null", None)
    said = [await as_caller(name, "mine") for name in names]
    assert said == [b'{"result":%d}' % number for number in (1, 2, 1, 3, 4, 3)]
    assert {await as_caller(name, "add") for name in names} == {b'{"result":3}'}


async def test_a_tool_with_another_schema_has_results_of_its_own(http: httpx2.AsyncClient, counting: Counting) -> None:
    await post(http, "add", {"a": 1, "b": 2})
    counting.server.remove_tool("add")

    async def add(a: int, b: int, c: int = 0) -> str:
        return "of the other"

    counting.server.add_tool(add, meta=PUBLIC)
    assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": "of the other"}


async def test_a_tool_that_comes_later_is_cached_and_a_wrong_mark_is_told(
    http: httpx2.AsyncClient, counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    async def good() -> int:
        ran.append("good")
        return len(ran)

    async def bad() -> int:
        ran.append("bad")
        return len(ran)

    counting.server.add_tool(good, meta=PUBLIC)
    counting.server.add_tool(bad, meta={"cache": {"ttl": 0}})
    for tool in ("good", "good", "bad", "bad"):
        assert (await post(http, tool)).status_code == 200
    assert ran == ["good", "bad", "bad"]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [
        "server 'one', tool 'bad' is not cached: `cache.ttl` must be seconds, more than 0 and at most 604800, not 0"
    ]


async def test_whoever_counts_is_told(counting: Counting) -> None:
    heard: list[tuple[str, str, str]] = []
    cache = Cache(MemoryStore(10, 10_000), 1000)
    cache.listeners.append(lambda word, server, tool: heard.append((word, server, tool)))
    served = chain([cache])
    tools = Tools(counting.server, 1)

    async def call(tool: str, refresh: bool = False, off: bool = False) -> None:
        asked = Note()
        asked.refresh, asked.off = refresh, off
        note.set(asked)
        asking = ToolCall("one", tool, {}, "call")
        asking.plan = plan = tools.plan(tool)
        assert plan is not None
        asking.execute = plan.call
        await served(asking)

    for tool in ("mine", "mine", "plain", "fails"):
        await call(tool)
    await call("mine", off=True)
    await call("mine", refresh=True)
    words = ["miss", "hit", "miss", "bypass", "miss"]
    tools_called = ["mine", "mine", "fails", "mine", "mine"]
    assert heard == [(word, "one", tool) for word, tool in zip(words, tools_called, strict=True)]
