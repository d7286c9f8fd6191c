"""The results that are cached and the callers that receive them, in the whole application. Stores are tested apart."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
from weakref import ref

import httpx2
import pytest
from starlette.applications import Starlette

from gateway.cache.interceptor import Cache
from gateway.cache.memory import MemoryStore
from gateway.cache.request import CacheInfo, cache_info
from gateway.caller import Caller
from gateway.local.threads import Threads
from gateway.local.tools import Tools
from tests.calls import make_call
from tests.clients import answered, connected, post
from tests.conftest import MakeApp
from tests.gateway.cache.cached import PUBLIC, Counting
from tests.process.live.router import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The logging capability")]
MAX_BYTES = 80_000


@pytest.fixture
def app(make_app: MakeApp, counting: Counting) -> Starlette:
    return make_app(counting.server, cache_max_bytes=MAX_BYTES)


async def test_second_equal_call_does_not_run_the_tool(http: httpx2.AsyncClient, counting: Counting) -> None:
    for arguments in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 2}):
        assert (await post(http, "add", arguments)).json() == {"result": 3}
    assert counting.ran["add"] == 1
    assert (await post(http, "add", {"a": 1, "b": 3})).json() == {"result": 4}
    assert counting.ran["add"] == 2


async def test_arguments_are_compared_as_sent(http: httpx2.AsyncClient, counting: Counting) -> None:
    sent = ({"a": 1, "b": 2}, {"a": 1}, {"a": 1.0, "b": 2}, {"a": "1", "b": 2}, {"a": 1, "b": 2, "unknown": 1})
    for _ in range(2):
        for arguments in sent:
            assert (await post(http, "add", arguments)).json() == {"result": 3}
        assert counting.ran["add"] == len(sent)


async def test_tool_without_a_policy_is_not_cached(http: httpx2.AsyncClient) -> None:
    assert [(await post(http, "plain")).json()["result"] for _ in range(3)] == [1, 2, 3]


def test_cache_is_not_imported_without_a_tool_that_has_a_policy() -> None:
    made = "import sys, app; from settings.values import Settings; app.create_app(Settings())"
    named = (
        "print([name for name in sys.modules if 'cache' in name.partition('.')[2] and name[:4] in ('gate', 'rout')])"
    )
    done = subprocess.run([sys.executable, "-c", f"{made}; {named}"], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"[]\n"


@pytest.mark.parametrize("tool", ["fails", "crashes"])
async def test_error_is_not_cached(http: httpx2.AsyncClient, counting: Counting, tool: str) -> None:
    answers = [(await post(http, tool)).status_code for _ in range(2)]
    async with connected(http, "modern") as mcp:
        assert (await answered(mcp, tool))["isError"]
    assert answers == [422, 422] if tool == "fails" else [500, 500]
    assert counting.ran[tool] == 3


async def test_invalid_arguments_are_refused_each_time(http: httpx2.AsyncClient, counting: Counting) -> None:
    for _ in range(2):
        answer = await post(http, "add", {"a": "one"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "a")
    assert counting.ran["add"] == 0


async def test_arguments_that_cannot_be_encoded_bypass_the_cache(app: Starlette, counting: Counting) -> None:
    server = app.state.registry["one"]
    for number in (1, 2):
        call = make_call("add", {"a": 1, "unknown": object()}, entry=server.find("add"))
        assert (await server.call(call)).body == b'{"result":3}'
        assert counting.ran["add"] == number


async def test_too_large_result_is_not_cached(http: httpx2.AsyncClient, counting: Counting) -> None:
    for size in (MAX_BYTES // 8, MAX_BYTES // 8, 10, 10):
        assert len((await post(http, "large", {"size": size})).json()["result"]) == size
    assert counting.ran["large"] == 3


async def test_private_result_is_for_its_own_caller_only(app: Starlette, http: httpx2.AsyncClient) -> None:
    server = app.state.registry["one"]

    async def as_caller(name: str | None, tool: str) -> bytes:
        arguments = {"a": 1} if tool == "add" else {}
        call = make_call(tool, arguments, caller=Caller(name), entry=server.find(tool))
        return bytes((await server.call(call)).body)

    names = ("ann", "bob", "ann", None, "null", None)
    responses = [await as_caller(name, "mine") for name in names]
    assert responses == [b'{"result":%d}' % number for number in (1, 2, 1, 3, 4, 3)]
    assert {await as_caller(name, "add") for name in names} == {b'{"result":3}'}


async def test_tool_with_another_schema_does_not_share_results(http: httpx2.AsyncClient, counting: Counting) -> None:
    await post(http, "add", {"a": 1, "b": 2})
    counting.server.remove_tool("add")

    async def add(a: int, b: int, c: int = 0) -> str:
        return "replaced"

    counting.server.add_tool(add, meta=PUBLIC)
    assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": "replaced"}


async def test_policy_of_a_tool_added_later_is_used_and_an_invalid_one_is_logged(
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
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert logged == [
        "server 'one', tool 'bad' is not cached: `cache.ttl` must be seconds, more than 0 and at most 604800, not 0"
    ]


async def test_run_that_began_before_a_refresh_does_not_replace_its_result(
    http: httpx2.AsyncClient, counting: Counting
) -> None:
    slow = asyncio.create_task(post(http, "gated"))
    await counting.until(1)
    refresh = asyncio.create_task(
        http.post("/one/mcp/call", json={"tool": "gated"}, headers={"cache-control": "no-cache"})
    )
    await counting.until(2)
    for run, outcome in ((1, "new"), (0, "old")):
        counting.waiting[run].set_result(outcome)
        answer = await (refresh if run else slow)
        assert answer.json() == {"result": outcome}
    assert answer.headers["cache-status"] == "multi-mcp; fwd=miss"
    assert (await post(http, "gated")).json() == {"result": "new"}
    assert counting.ran["gated"] == 2


async def test_nothing_is_left_of_a_removed_tool(counting: Counting) -> None:
    cache = Cache(MemoryStore(10_000), 1000)
    tools = Tools(counting.server, Threads(1), 1000)
    plan = tools.plan("mine")
    assert plan is not None
    call = make_call("mine", entry=plan)
    await cache(call, plan.call)
    removed = ref(plan)
    counting.server.remove_tool("mine")
    del call, plan
    gc.collect()
    assert removed() is None


async def test_listeners_are_told_of_hits_misses_and_bypasses(counting: Counting) -> None:
    outcomes: list[tuple[str, str, str]] = []
    cache = Cache(MemoryStore(10_000), 1000)
    cache.listeners.append(lambda outcome, server, tool: outcomes.append((outcome, server, tool)))
    tools = Tools(counting.server, Threads(1), 1000)

    async def run(tool: str, refresh: bool = False, no_store: bool = False) -> None:
        info = CacheInfo()
        info.refresh, info.no_store = refresh, no_store
        cache_info.set(info)
        plan = tools.plan(tool)
        assert plan is not None
        await cache(make_call(tool, entry=plan), plan.call)

    for tool in ("mine", "mine", "plain", "fails"):
        await run(tool)
    await run("mine", no_store=True)
    await run("mine", refresh=True)
    expected = ["miss", "hit", "miss", "bypass", "miss"]
    tools_called = ["mine", "mine", "fails", "mine", "mine"]
    assert outcomes == [(outcome, "one", tool) for outcome, tool in zip(expected, tools_called, strict=True)]
