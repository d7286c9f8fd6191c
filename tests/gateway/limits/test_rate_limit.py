"""Rate limits in memory, through the application and through the interceptor alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from gateway.call import ToolCall, ToolResult, chain
from gateway.caller import Caller
from gateway.clock import Quota
from gateway.errors import LoadError, RateLimited
from gateway.limits.rate_limit import RateLimit
from gateway.limits.rate_memory import OVERFLOW_WINDOWS, MemoryWindows
from gateway.limits.rate_rules import Rules
from tests.calls import Known, make_call
from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


async def fail() -> str:
    raise ToolError("no")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_mcp_refusal_is_a_json_rpc_error_with_the_seconds_to_wait(make_app: MakeApp, era: Era) -> None:
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
        "message": f"Rate limit exceeded: 1 calls in 60 s. Retry in {seconds} s.",
        "data": {"type": "rate-limited", "retryAfter": seconds},
    }


@pytest.mark.slow
async def test_exactly_the_limit_of_a_thousand_concurrent_calls_passes(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="137/hour, 400/day", max_calls=2000)) as http:
        answers = await asyncio.gather(*(post(http, "add") for _ in range(1000)))
    assert Counter(answer.status_code for answer in answers) == {200: 137, 429: 863}


@pytest.mark.slow
async def test_each_override_counts_on_its_own(make_app: MakeApp) -> None:
    limits = "2/hour; one:add=1/hour; two:*=3/hour"
    servers = [server_of(add, fail, name=name) for name in ("one", "two", "three")]
    async with opened(make_app(*servers, rate_limit=limits)) as http:
        tools = [(server, tool) for server in ("one", "two", "three") for tool in ("add", "fail")] * 5
        passed = Counter([of for of in tools if (await post(http, of[1], server=of[0])).status_code != 429])
    assert passed == {("one", "add"): 1, ("one", "fail"): 1, ("two", "add"): 2, ("two", "fail"): 1, ("three", "add"): 1}


async def test_failed_calls_count_and_listings_do_not(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add, fail), rate_limit="4/hour")) as http:
        calls: list[tuple[str, Any]] = [("add", {}), ("fail", {}), ("add", {"a": "x"}), ("nothing", {}), ("add", {})]
        assert [(await post(http, tool, given)).status_code for tool, given in calls] == [200, 422, 422, 404, 429]
        assert (await post(http, "nothing")).status_code == 429
        assert (await http.get("/one/mcp/tools")).status_code == 200
        assert (await http.get("/health")).status_code == 200


async def test_each_application_has_its_own_counts(make_app: MakeApp) -> None:
    for app in [make_app(server_of(add), rate_limit="1/hour") for _ in range(2)]:
        async with opened(app) as http:
            assert [(await post(http, "add")).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("text", ["often", "100/minute; math=1/day"])
async def test_unreadable_setting_fails_at_startup(make_app: MakeApp, text: str) -> None:
    with pytest.raises(LoadError, match="MCP_RATE_LIMIT: "):
        make_app(server_of(add), rate_limit=text)


class Limited:
    """The interceptor with a clock that the test sets."""

    def __init__(self, text: str, max_windows: int = 100) -> None:
        self.now = 1000.0
        windows = MemoryWindows(max_windows, lambda: self.now)
        self._chain = chain([RateLimit(Rules(text), windows)], self._execute)

    async def call(self, caller: Caller | None = None) -> RateLimited | None:
        try:
            await self._chain(make_call(caller=caller, entry=Known()))
        except RateLimited as exc:
            return exc
        return None

    async def passed(self, caller: Caller | None = None) -> int:
        """Returns the number of calls that pass until one is refused."""
        count = 0
        while await self.call(caller) is None:
            count += 1
        return count

    async def _execute(self, call: ToolCall) -> ToolResult:
        return ToolResult()


async def test_call_passes_after_the_stated_wait_and_not_before() -> None:
    limited = Limited("2/10 seconds")
    for limited.now in (1000.0, 1007.25):
        assert await limited.call() is None
    for limited.now, seconds in ((1007.5, 3), (1009.0, 1), (1009.75, 1)):
        refused = await limited.call()
        assert refused is not None
        assert refused.retry_after == seconds
    limited.now = 1010.0
    assert await limited.passed() == 1


async def test_refused_call_counts_in_no_window() -> None:
    limited = Limited("2/second, 3/minute")
    assert await limited.passed() == 2
    for limited.now in (1001.0, 1002.0):
        for _ in range(5):
            await limited.call()
    limited.now = 1060.0  # the two calls of the first second have expired, and only the third was added
    assert await limited.passed() == 2
    refused = await limited.call()
    assert refused is not None
    assert refused.full == Quota("default/60", 3, 60)
    assert refused.retry_after == 1


async def test_error_names_the_window_with_the_longest_wait() -> None:
    limited = Limited("1/second, 1/hour, 5/day")
    assert await limited.passed() == 1
    refused = await limited.call()
    assert refused is not None
    assert (refused.full.name, refused.retry_after) == ("default/3600", 3600)


@pytest.mark.parametrize("name", ["ci", "a/b", "x" * 100_000, "\ud800", "ключ"])
async def test_each_caller_has_its_own_count_for_any_name(name: str) -> None:
    limited = Limited("1/hour")
    for who in (Caller(name), Caller(name + "2"), Caller(address=name)):
        assert await limited.passed(who) == 1


async def test_callers_beyond_the_bound_share_windows_and_none_gets_more_than_the_limit() -> None:
    limited = Limited("1/hour", max_windows=2)

    async def passed(address: int) -> int:
        return await limited.passed(Caller(address=str(address)))

    assert [await passed(address) for address in (1, 2)] == [1, 1]
    assert 1 <= sum([await passed(address) for address in range(3, 603)]) <= OVERFLOW_WINDOWS
    assert [await passed(address) for address in (1, 2, 3, 4)] == [0] * 4
