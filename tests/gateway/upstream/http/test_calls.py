"""Calls through a link to a server of the SDK, in both eras."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.conftest import sdk_server
from tests.gateway.upstream.http.peer import call, linked

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
BOTH = pytest.mark.parametrize("era", ["modern", "legacy"])


async def until(met: Any) -> None:
    """Asks again until the answer is true."""
    async with asyncio.timeout(10):
        while not await met():
            await asyncio.sleep(0.02)


@BOTH
async def test_a_tool_is_called(sdk_url: str, era: str) -> None:
    async with linked(sdk_url, era=era) as link:
        assert (await call(link, "add", a=2, b=3))["structuredContent"] == {"result": 5}
        assert link.identity.is_modern == (era == "modern")
        assert (link.identity.server_info["name"], link.identity.instructions) == ("there", "Be quick.")


async def test_a_server_of_both_eras_is_spoken_to_in_the_modern_one(sdk_url: str) -> None:
    async with linked(sdk_url) as link:
        assert link.identity.version == "2026-07-28"


@BOTH
async def test_progress_comes_complete_and_in_order(sdk_url: str, era: str) -> None:
    steps: list[float] = []

    async def report(params: Mapping[str, Any]) -> None:
        steps.append(params["progress"])

    async with linked(sdk_url, era=era) as link:
        params = {"name": "count_to", "arguments": {"number": 200}, "_meta": {"progressToken": "theirs"}}
        await link.request("tools/call", params, report)
        assert steps == list(range(200))


@BOTH
async def test_a_cancelled_call_is_cancelled_in_the_tool_and_the_next_one_works(sdk_url: str, era: str) -> None:
    async with linked(sdk_url, era=era) as link:

        async def cancelled() -> int:
            counts = (await call(link, "counts"))["structuredContent"]
            return int(counts["cancelled"])

        async def is_asleep() -> bool:
            return bool((await call(link, "counts"))["structuredContent"]["asleep"])

        before = await cancelled()
        task = asyncio.create_task(call(link, "sleep", seconds=60))
        await until(is_asleep)
        task.cancel()
        await asyncio.wait([task])

        async def has_reached_the_tool() -> bool:
            return await cancelled() == before + 1

        await until(has_reached_the_tool)
        assert (await call(link, "add", a=1, b=1))["structuredContent"] == {"result": 2}


@BOTH
async def test_many_calls_at_once_receive_their_own_answers(sdk_url: str, era: str) -> None:
    async with linked(sdk_url, era=era) as link:
        answers = await asyncio.gather(*(call(link, "add", a=number, b=0) for number in range(250)))
        assert [answer["structuredContent"]["result"] for answer in answers] == list(range(250))


@BOTH
async def test_results_and_arguments_may_be_large(sdk_url: str, era: str) -> None:
    async with linked(sdk_url, era=era) as link:
        assert len((await call(link, "big", size=5_000_000))["content"][0]["text"]) == 5_000_000
        assert len((await call(link, "echo", text="ü" * 1_000_000))["content"][0]["text"]) == 1_000_000


@BOTH
async def test_no_header_is_sent_but_our_own_and_those_of_the_entry(sdk_url: str, era: str) -> None:
    async with linked(sdk_url, era=era, headers={"X-Key": "k"}) as link:
        sent = (await call(link, "headers"))["structuredContent"]
    protocol = {"mcp-method", "mcp-name"} if era == "modern" else {"mcp-session-id"}
    plain = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "x-key"}
    assert sent.keys() == plain | protocol | {"mcp-protocol-version"}
    assert sent["host"] == urlsplit(sdk_url).netloc


async def test_two_callers_never_share_a_session(sdk_url: str) -> None:
    async with linked(sdk_url, era="legacy") as link:

        async def session(key: str) -> str:
            result = await link.request("tools/call", {"name": "session", "arguments": {}}, session=key)
            text: str = result["content"][0]["text"]
            return text

        keys = [f"caller {number % 7}" for number in range(70)]
        found = await asyncio.gather(*map(session, ["", *keys]))
        of = dict(zip(["", *keys], found, strict=True))
        assert len(set(found)) == len(set(of.values())) == 8
        assert [of[key] for key in keys] == found[1:]


async def test_an_argument_that_is_also_a_header_is_sent_as_one(sdk_url: str) -> None:
    """The server refuses the first call, before the tools were listed. It is sent again with the header."""
    async with linked(sdk_url) as link:
        for place in ("Ulm", "Köln", "x\r\ny: z", "€" * 100):
            assert (await call(link, "where", place=place))["structuredContent"] == {"result": place}


async def test_a_change_of_the_tools_is_heard(sdk_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with linked(sdk_url, lambda method, _: heard.put_nowait(method)) as link:

        async def has_heard() -> bool:
            await call(link, "grow")
            return not heard.empty()

        await until(has_heard)
        assert await heard.get() == "notifications/tools/list_changed"


async def test_a_link_outlives_a_restart_of_its_server() -> None:
    async with AsyncExitStack() as links:
        with sdk_server() as url:
            both = [await links.enter_async_context(linked(url, era=era)) for era in ("modern", "legacy")]
            for link in both:
                await call(link, "add", a=1, b=1)
        for link in both:
            with pytest.raises(LinkFailure) as failed:
                await call(link, "add", a=1, b=1)
            assert not failed.value.was_sent
        with sdk_server(urlsplit(url).port or 0):
            for link in both:
                assert (await call(link, "add", a=1, b=1))["structuredContent"] == {"result": 2}
            assert (await call(link, "counts"))["structuredContent"]["calls"] == 2
            await links.aclose()
