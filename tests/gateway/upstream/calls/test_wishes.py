"""Wishes of sessions that an upstream is told once for all: the level of its log, and the resources to watch."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.clients import connected, post
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.conftest import Serving, entry, status
from tests.gateway.upstream.test_server import text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
NOTE = "note://a"


class Watcher:
    """A client with a session. `heard` has the resources of which it was told that they have changed."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def hear(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            self.heard.append(str(message.params.uri))

    async def hears(self, count: int) -> None:
        with anyio.fail_after(5):
            while len(self.heard) < count:
                await anyio.sleep(0.01)


async def watched(client: Client, uri: str = NOTE) -> None:
    await client.session.subscribe_resource(uri)


async def test_resource_is_watched_once_for_all_sessions_and_until_the_last_one_leaves(serving: Serving) -> None:
    one, two = Watcher(), Watcher()
    async with serving(one=entry("legacy")) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=one.hear) as first:
            async with connected(http, "legacy", message_handler=two.hear) as second:
                await watched(first)
                await watched(second)
                assert (await text(http, "seen"))["watched"] == [NOTE]
                await post(http, "touch")
                await one.hears(1)
                await two.hears(1)
                await second.session.unsubscribe_resource(NOTE)
            await post(http, "touch")
            await one.hears(2)
            assert (await text(http, "seen"))["watched"] == [NOTE]
        with anyio.fail_after(5):
            while (await text(http, "seen"))["watched"]:
                await anyio.sleep(0.02)
    assert (one.heard, two.heard) == ([NOTE] * 2, [NOTE])


async def test_new_process_is_told_again_what_is_watched_and_the_clients_that_it_may_have_changed(
    serving: Serving,
) -> None:
    watcher = Watcher()
    async with serving(one=entry("legacy")) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=watcher.hear) as client:
            await watched(client)
            await client.session.set_logging_level("error")
            await post(http, "die")
            await watcher.hears(1)
            seen = await text(http, "seen")
            assert (seen["watched"], seen["level"]) == ([NOTE], "error")


async def test_each_session_gets_the_log_messages_that_it_wants(serving: Serving) -> None:
    careful, curious = Person(), Person()
    async with serving(one=entry("legacy")) as http:
        await status(http)
        async with asked(http, "legacy", careful) as first, asked(http, "legacy", curious) as second:
            await first.session.set_logging_level("error")
            assert (await text(http, "seen"))["level"] == "error"
            await second.session.set_logging_level("debug")
            assert (await text(http, "seen"))["level"] == "debug"
            for client in (first, second):
                await said(client, "touch", level="info")
                await said(client, "touch", level="critical")
    assert careful.logged == [("critical", "touched")]
    assert curious.logged == [("info", "touched"), ("critical", "touched")]


async def test_session_sets_the_level_of_messages_of_a_server_that_has_no_sessions(serving: Serving, url: str) -> None:
    person = Person()
    async with serving(one={"url": url, "era": "modern"}) as http:
        await status(http)
        async with asked(http, "legacy", person) as client:
            await client.session.set_logging_level("warning")
            assert await said(client, "logs") == "logged"
    assert person.logged == [("warning", "a warning")]


async def test_change_in_the_process_of_a_session_is_told_to_that_session_alone(serving: Serving) -> None:
    one, two = Watcher(), Watcher()
    async with serving(one=entry("legacy", process="session")) as http:
        await status(http)
        async with (
            connected(http, "legacy", message_handler=one.hear) as first,
            connected(http, "legacy", message_handler=two.hear) as second,
        ):
            for client, watcher in ((first, one), (second, two)):
                await said(client, "pid")
                await watched(client)
                assert await said(client, "touch") == "touched"
                await watcher.hears(1)
    assert (one.heard, two.heard) == ([NOTE], [NOTE])


async def test_number_of_resources_that_a_session_watches_is_bounded(serving: Serving) -> None:
    async with serving(one=entry("legacy")) as http:
        await status(http)
        async with connected(http, "legacy") as client:
            for number in range(100):
                await watched(client, f"note://{number}")
            with pytest.raises(MCPError, match="Too many watched resources"):
                await watched(client, "note://more")
            await watched(client, "note://1")
