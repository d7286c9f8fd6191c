"""How often each caller may call, by any way in: by the front door, in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from gateway.call import CallNext, ToolCall, ToolResult, chain
from gateway.caller import Caller, caller
from gateway.errors import LoadError, Quota, RateLimited
from gateway.limits.rate_limit import RateLimit
from gateway.limits.rate_memory import MemoryWindows
from gateway.limits.rate_rules import Rules
from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


async def fail() -> str:
    raise ToolError("no")


@pytest.mark.parametrize("era", ERAS)
async def test_over_mcp_it_is_a_json_rpc_error_with_the_seconds(make_app: MakeApp, era: Era) -> None:
    async with opened(make_app(server_of(add), rate_limit="1/minute")) as http, connected(http, era) as mcp:
        await mcp.list_tools()
        assert not (await mcp.call_tool("add", {})).is_error
        error = await error_of(mcp, "add")
        await mcp.list_tools()
        assert (await post(http, "add")).status_code == 429
    seconds = error["data"]["retryAfter"]
    assert 1 <= seconds <= 60
    assert error == {
        "code": -32000,
        "message": f"At most 1 calls in 60 s; the next one may come in {seconds} s.",
        "data": {"type": "rate-limited", "retryAfter": seconds},
    }


async def test_of_a_thousand_calls_at_once_exactly_the_allowed_number_passes(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="137/hour, 400/day", max_calls=2000)) as http:
        answers = await asyncio.gather(*(post(http, "add") for _ in range(1000)))
    assert Counter(answer.status_code for answer in answers) == {200: 137, 429: 863}


async def test_an_override_has_a_count_of_its_own(make_app: MakeApp) -> None:
    limits = "2/hour; one:add=1/hour; two:*=3/hour"
    servers = [server_of(add, fail, name=name) for name in ("one", "two", "three")]
    async with opened(make_app(*servers, rate_limit=limits)) as http:
        tools = [(server, tool) for server in ("one", "two", "three") for tool in ("add", "fail")] * 5
        passed = Counter([of for of in tools if (await post(http, of[1], server=of[0])).status_code != 429])
    assert passed == {("one", "add"): 1, ("one", "fail"): 1, ("two", "add"): 2, ("two", "fail"): 1, ("three", "add"): 1}


async def test_whatever_comes_of_a_call_it_counts(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add, fail), rate_limit="4/hour")) as http:
        calls: list[tuple[str, Any]] = [("add", {}), ("fail", {}), ("add", {"a": "x"}), ("nothing", {}), ("add", {})]
        assert [(await post(http, tool, given)).status_code for tool, given in calls] == [200, 422, 422, 404, 429]
        assert (await post(http, "nothing")).status_code == 429
        assert (await http.get("/one/mcp/tools")).status_code == 200
        assert (await http.get("/health")).status_code == 200


async def test_each_application_counts_for_itself(make_app: MakeApp) -> None:
    for app in [make_app(server_of(add), rate_limit="1/hour") for _ in range(2)]:
        async with opened(app) as http:
            assert [(await post(http, "add")).status_code for _ in range(2)] == [200, 429]


async def test_beyond_the_callers_that_are_counted_one_by_one_others_share() -> None:
    tried = Tried("1/hour", callers=2)

    async def passes(address: int) -> bool:
        token = caller.set(Caller(address=f"203.0.{address // 250}.{address % 250}"))
        try:
            return await tried.call() is None
        finally:
            caller.reset(token)

    assert [await passes(address) for address in (1, 2)] == [True, True]
    further = Counter([await passes(address) for address in range(3, 603)])
    assert [await passes(address) for address in (1, 2, 3, 4)] == [False] * 4
    assert 0 < further[True] <= 256
    assert further.total() == 600


@pytest.mark.parametrize("text", ["often", "100/minute; math=1/day"])
async def test_what_cannot_be_read_is_said_at_the_start(make_app: MakeApp, text: str) -> None:
    with pytest.raises(LoadError, match="MCP_RATE_LIMIT: "):
        make_app(server_of(add), rate_limit=text)


class Tried:
    """The interceptor alone, by a clock of its own."""

    def __init__(self, text: str, callers: int = 100) -> None:
        self.now = 1000.0
        rules = Rules(text)
        self._chain: CallNext = chain([RateLimit(rules, MemoryWindows(callers, self.clock), self.clock)])

    def clock(self) -> float:
        return self.now

    async def call(self) -> RateLimited | None:
        call = ToolCall("one", "add", {}, "call")
        call.execute = self._execute
        try:
            await self._chain(call)
        except RateLimited as exc:
            return exc
        return None

    async def passed(self) -> int:
        """How many pass until one does not."""
        count = 0
        while await self.call() is None:
            count += 1
        return count

    async def _execute(self, call: ToolCall) -> ToolResult:
        return ToolResult()


async def test_a_call_after_the_seconds_that_were_said_passes_and_one_before_does_not() -> None:
    tried = Tried("2/10 seconds")
    for tried.now in (1000.0, 1007.25):
        assert await tried.call() is None
    for tried.now, seconds in ((1007.5, 3), (1009.0, 1), (1009.75, 1)):
        refused = await tried.call()
        assert refused is not None
        assert refused.retry_after == seconds
    tried.now = 1010.0
    assert await tried.passed() == 1


async def test_a_refused_call_takes_nothing_from_any_window() -> None:
    tried = Tried("2/second, 3/minute")
    assert await tried.passed() == 2
    for tried.now in (1001.0, 1002.0):
        for _ in range(5):
            await tried.call()
    tried.now = 1060.0  # the two of the first second are gone, and none but the third was added
    assert await tried.passed() == 2
    refused = await tried.call()
    assert refused is not None
    assert refused.full == Quota("default/60", 3, 60)
    assert refused.retry_after == 1


async def test_the_window_that_is_full_the_longest_is_the_one_that_is_named() -> None:
    tried = Tried("1/second, 1/hour, 5/day")
    assert await tried.passed() == 1
    refused = await tried.call()
    assert refused is not None
    assert (refused.full.name, refused.retry_after) == ("default/3600", 3600)


@pytest.mark.parametrize("name", ["ci", "a/b", "x" * 100_000, "\ud800", "ключ"])
async def test_each_principal_has_a_count_whatever_the_name(name: str) -> None:
    tried = Tried("1/hour")
    for who in (Caller(name), Caller(name + "2"), Caller(address=name)):
        caller.set(who)
        assert await tried.passed() == 1
