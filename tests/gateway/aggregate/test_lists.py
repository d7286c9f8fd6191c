"""Lists over all servers, of which some fail, are too slow, or never end. All others are listed and read."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from mcp.server.caching import CacheHint
from mcp_types import ListResourcesResult, Resource

from tests.clients import ERAS, Era, connected
from tests.conftest import MakeApp
from tests.gateway.aggregate.listing import FAILING, FIRST, LISTS, List, listed, listing, make, raises
from tests.transport import opened
from tests.wire import modern

pytestmark = pytest.mark.anyio
WELL = ["well_who", "well_greet", "note://well/1", "page://well/{number}"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("fails", FAILING)
@pytest.mark.slow
async def test_server_whose_lists_fail_lacks_only_its_own_items(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, era: Era, fails: List
) -> None:
    app = make_app(listing("ill", fails), make("well"), list_timeout=0.05)
    async with opened(app) as http, connected(http, era, "") as client:
        for _ in range(2):
            assert await listed(client) == WELL
        prompt: Any = await client.get_prompt("well_greet")
        assert prompt.messages[0].content.text == "hello of well"
        for uri in ("note://well/1", "page://well/7"):
            content: Any = (await client.read_resource(uri)).contents[0]
            assert content.text in ("note of well", "page 7 of well")
        content = (await client.read_resource("note://ill/1")).contents[0]
        assert content.text == "note of ill"
        prompt = await client.get_prompt("ill_greet")
        assert prompt.messages[0].content.text == "hello of ill"
    said = [record.getMessage() for record in caplog.records if "leaves out" in record.getMessage()]
    assert [text.partition(":")[0] for text in said] == [
        f"`/mcp` leaves out what server 'ill' has for {method}" for method in LISTS
    ]


async def test_nothing_of_a_failing_server_reaches_the_client_and_its_list_is_not_cached(make_app: MakeApp) -> None:
    hints: Any = {"prompts/list": CacheHint(60_000, "public")}
    async with opened(make_app(listing("ill", raises), make("well", cache_hints=hints))) as http:
        headers, body = modern("prompts/list")
        answer = await http.post("/mcp", json=body, headers=headers)
    assert "secret" not in answer.text
    result = answer.json()["result"]
    assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


@pytest.mark.slow
async def test_recovered_server_is_listed_again_and_its_next_failure_is_logged(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    is_ill = True

    async def answer(ctx: Any, params: Any) -> Any:
        if is_ill:
            raise RuntimeError
        return FIRST[ctx.method]

    async with opened(make_app(listing("ill", answer), make("well"))) as http, connected(http, "modern", "") as client:
        for is_ill, count in ((True, 1), (False, 1), (True, 2)):
            listed = [prompt.name for prompt in (await client.list_prompts()).prompts]
            assert listed == (["well_greet"] if is_ill else ["ill_greet", "well_greet"])
            assert sum("leaves out" in record.getMessage() for record in caplog.records) == count


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_servers_are_asked_at_the_same_time(make_app: MakeApp, era: Era) -> None:
    asked = 0
    both = anyio.Event()

    async def waits(ctx: Any, params: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 2 == 0:
            both.set()
        await both.wait()
        return FIRST[ctx.method]

    app = make_app(listing("one", waits), listing("two", waits), list_timeout=5)
    async with opened(app) as http, connected(http, era, "") as client:
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["one_greet", "two_greet"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("cursor", ["again", None])
@pytest.mark.slow
async def test_endless_or_repeated_pages_harm_only_their_server(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, era: Era, cursor: str | None
) -> None:
    pages = 0

    async def endless(ctx: Any, params: Any) -> Any:
        nonlocal pages
        pages += 1
        return FIRST[ctx.method].model_copy(update={"next_cursor": cursor or str(pages)})

    async with opened(make_app(listing("ill", endless), make("well"))) as http, connected(http, era, "") as client:
        await client.list_tools()
        for method in ("list_prompts", "list_resources"):
            pages = 0
            answer = await getattr(client, method)()
            assert len(answer.prompts if method == "list_prompts" else answer.resources) == 2
            assert pages == (2 if cursor else 100)
    assert "a cursor comes again" in caplog.text or "more than 10000 items or 100 pages" in caplog.text


@pytest.mark.slow
async def test_repeated_uris_and_names_are_listed_once_and_long_lists_are_cut(make_app: MakeApp) -> None:
    async def repeats(ctx: Any, params: Any) -> Any:
        return ListResourcesResult(
            resources=[Resource(name="x", uri=f"note://{number % 10_001}") for number in range(10_100)]
        )

    app = make_app(listing("ill", repeats), make("well"))
    async with opened(app) as http, connected(http, "modern", "") as client:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
    assert (len(uris), len({*uris}), uris[-1]) == (10_001, 10_001, "note://well/1")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_read_asks_no_other_server(make_app: MakeApp, era: Era) -> None:
    asked: list[str] = []

    async def notes(ctx: Any, params: Any) -> Any:
        asked.append(ctx.method)
        return FIRST[ctx.method]

    async with opened(make_app(listing("other", notes), make("well"))) as http, connected(http, era, "") as client:
        asked.clear()
        await client.get_prompt("well_greet")
        await client.read_resource("note://well/1")
        await client.read_resource("page://well/1")
    assert asked == []


@pytest.mark.slow
async def test_cancelled_request_cancels_what_its_servers_were_asked(make_app: MakeApp) -> None:
    begun, cancelled = anyio.Event(), anyio.Event()

    async def waits(ctx: Any, params: Any) -> Any:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    app = make_app(listing("ill", waits), make("well"), list_timeout=60)
    async with opened(app) as http, connected(http, "legacy", "") as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.list_prompts)
        with anyio.fail_after(5):
            await begun.wait()
            tasks.cancel_scope.cancel()
    with anyio.fail_after(5):
        await cancelled.wait()


@pytest.fixture(autouse=True)
def _read_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
