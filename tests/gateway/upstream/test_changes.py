"""An entry that changes while clients have sessions and calls in flight: they go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.subscriptions import ToolsListChanged

from tests import wire
from tests.clients import connected, open_session, post
from tests.gateway.upstream.calls.asking import said
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher, watched
from tests.gateway.upstream.changing import changing
from tests.gateway.upstream.conftest import Serving, entry, written
from tests.gateway.upstream.http.peer import Asked, modern
from tests.gateway.upstream.http.peer import serving as serving_peer
from tests.gateway.upstream.test_server import text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
RENAMED = {"rename": {"add_tool": "plus"}}
CALL = wire.request("tools/call", name="plus", arguments={"a": 1, "b": 2})


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_session_of_a_client_goes_on_with_the_tools_of_the_changed_entry(
    serving: Serving, tmp_path: Path, url: str
) -> None:
    async with changing(serving, tmp_path, entry()) as changed:
        before, session = await changed.pid(), await open_session(changed.http, url)
        await changed.to(entry("legacy", tools=RENAMED))
        call = CALL if url == "/one/mcp" else wire.request("tools/call", name="one_plus", arguments={"a": 1, "b": 2})
        answer = await changed.http.post(url, json=call, headers=session)
        assert wire.messages(answer.text)[-1]["result"]["structuredContent"] == {"result": 3}
        listed = await changed.http.post(url, json=wire.request("tools/list"), headers=session)
        names = {tool["name"] for tool in wire.messages(listed.text)[-1]["result"]["tools"]}
        assert {call["params"]["name"]} == names & {"plus", "add_tool", "one_plus", "one_add_tool"}
        assert await changed.pid() != before
        await changed.ended(before)


async def test_clients_are_told_that_the_tools_have_changed(serving: Serving, tmp_path: Path) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(getattr(message, "method", ""))

    async with (
        changing(serving, tmp_path, entry()) as changed,
        connected(changed.http, "legacy", message_handler=hear),
        connected(changed.http, "modern") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        await changed.to(entry(tools=RENAMED))
        with anyio.fail_after(5):
            assert await anext(events) == ToolsListChanged()
            while "notifications/tools/list_changed" not in heard:
                await anyio.sleep(0.01)
    assert heard.count("notifications/tools/list_changed") == 1


async def test_clients_are_not_told_of_tools_that_are_the_same(serving: Serving, tmp_path: Path) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(getattr(message, "method", ""))

    async with (
        changing(serving, tmp_path, entry()) as changed,
        connected(changed.http, "legacy", message_handler=hear),
    ):
        before = await changed.pid()
        changed.write(one=entry(timeout=20))
        with anyio.fail_after(10):
            while await changed.pid() == before or "notifications/resources/list_changed" not in heard:
                await anyio.sleep(0.02)
    assert "notifications/tools/list_changed" not in heard


async def test_wishes_of_sessions_are_told_to_the_changed_server(serving: Serving, tmp_path: Path) -> None:
    watcher = Watcher()
    async with (
        changing(serving, tmp_path, entry("legacy")) as changed,
        connected(changed.http, "legacy", message_handler=watcher.hear) as client,
    ):
        await watched(client)
        await client.session.set_logging_level("error")
        await changed.to(entry("legacy", timeout=20))
        await watcher.hears(1)
        seen = await text(changed.http, "seen")
        assert (seen["watched"], seen["level"]) == ([NOTE], "error")
        await post(changed.http, "touch")
        await watcher.hears(2)
    assert watcher.heard == [NOTE] * 2


@pytest.mark.parametrize("process", ["session", "shared"])
async def test_resource_that_was_watched_in_the_process_of_a_session_is_watched_at_the_changed_server(
    serving: Serving, tmp_path: Path, process: str
) -> None:
    watcher = Watcher()
    async with (
        changing(serving, tmp_path, entry("legacy", process="session")) as changed,
        connected(changed.http, "legacy", message_handler=watcher.hear) as client,
    ):
        before = await said(client, "pid")
        await watched(client)
        await changed.to(entry("legacy", process=process))
        await watcher.hears(1)
        assert await said(client, "pid") != before
        await said(client, "touch")
        await watcher.hears(2)
        await client.session.unsubscribe_resource(NOTE)
        await said(client, "touch")
    assert watcher.heard == [NOTE] * 2


class Slow:
    """A server whose tool `slow` answers when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = anyio.Event(), anyio.Event()
        self.answer = modern(self.take)

    async def take(self, asked: Asked) -> None:
        if asked.rpc == "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("slow", "pid")]
            asked.result({"tools": tools})
        elif asked.message["params"]["name"] == "slow":
            self.begun.set()
            await self.go_on.wait()
            asked.result({"content": [{"type": "text", "text": "slow"}]})
        else:
            asked.result({"content": [{"type": "text", "text": "1 quick"}]})


async def test_call_in_flight_is_answered_by_the_server_of_the_entry_before(serving: Serving, tmp_path: Path) -> None:
    slow = Slow()
    async with serving_peer(slow.answer) as peer, changing(serving, tmp_path, {"url": peer.url}) as changed:
        call = asyncio.create_task(post(changed.http, "slow"))
        session = await open_session(changed.http, "/one/mcp")
        message = wire.request("tools/call", name="slow", arguments={})
        native = asyncio.create_task(changed.http.post("/one/mcp", json=message, headers=session))
        await slow.begun.wait()
        await changed.to(entry())
        assert (await post(changed.http, "add_tool", {"a": 1, "b": 2})).json() == {"result": 3}
        assert not call.done()
        slow.go_on.set()
        assert (await call).json() == {"result": "slow"}
        assert '"slow"' in (await native).text


@pytest.mark.parametrize("kind", ["child", "host", "instances"])
async def test_call_that_outlasts_the_grace_ends_with_an_unknown_outcome(
    serving: Serving, tmp_path: Path, kind: str
) -> None:
    slow = Slow()
    async with serving_peer(slow.answer) as peer:
        before, tool = (entry(), "hang") if kind == "child" else ({"url": peer.url}, "slow")
        if kind == "instances":
            before = {"instances": [peer.url], "drain": 0.3}
        async with changing(serving, tmp_path, before, shutdown_grace=30 if kind == "instances" else 0.3) as changed:
            call = asyncio.create_task(post(changed.http, tool))
            with anyio.fail_after(5):
                while kind == "child" and not (await text(changed.http, "seen"))["hanging"]:
                    await anyio.sleep(0.01)
            if kind != "child":
                await slow.begun.wait()
            await changed.to(entry(timeout=20))
            with anyio.fail_after(5):
                answer = await call
            assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
            assert (await post(changed.http, "add_tool", {"a": 1, "b": 2})).json() == {"result": 3}
            slow.go_on.set()


async def test_call_that_waits_for_a_server_to_start_goes_to_the_one_that_takes_its_place(
    serving: Serving, tmp_path: Path
) -> None:
    async with serving({"follow": True}, one=entry("silent", startTimeout=60)) as http:
        call = asyncio.create_task(post(http, "add_tool", {"a": 1, "b": 2}))
        session = await open_session(http, "/one/mcp")
        listing = asyncio.create_task(http.post("/one/mcp", json=wire.request("tools/list"), headers=session))
        await anyio.wait_all_tasks_blocked()
        written(tmp_path, {"one": entry()})
        with anyio.fail_after(15):
            assert (await call).json() == {"result": 3}
            assert "add_tool" in (await listing).text
