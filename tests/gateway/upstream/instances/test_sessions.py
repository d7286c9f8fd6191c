"""Sessions of a server with several instances: each stays at one, until that is gone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.clients import answered, connected, open_session
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher
from tests.gateway.upstream.conftest import Serving
from tests.gateway.upstream.http.peer import CAPABILITIES
from tests.gateway.upstream.instances.twins import twins
from tests.wire import messages, request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]


async def instance_of(client: Client) -> str:
    """Calls a tool, and returns the name of the instance that has answered."""
    found: str = (await answered(client, "tool"))["content"][0]["text"]
    return found


async def test_session_stays_at_one_instance_and_sessions_are_spread(serving: Serving) -> None:
    async with twins(serving, era="legacy") as three:
        homes: Counter[str] = Counter()
        for _ in range(12):
            session = await open_session(three.http, "/one/mcp")
            found = set()
            for _ in range(4):
                call = request("tools/call", name="tool", arguments={})
                answer = await three.http.post("/one/mcp", json=call, headers=session)
                found.add(messages(answer.text)[-1]["result"]["content"][0]["text"])
            assert len(found) == 1
            homes.update(found)
        assert len(homes) > 1


async def test_caller_over_json_has_one_session_at_one_instance(serving: Serving) -> None:
    async with twins(serving, era="legacy") as three:
        await three.called(20)
        assert sorted(three.counts) == [0, 0, 20]


async def test_session_moves_when_its_instance_is_gone_and_the_new_one_is_told_its_log_level(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITIES, "logging", {})
    async with twins(serving, era="legacy") as three, connected(three.http, "legacy") as client:
        await client.session.set_logging_level("error")
        first = await instance_of(client)
        await next(twin for twin in three if twin.name == first).stop()
        second = await instance_of(client)
        assert second != first
        new = next(twin for twin in three if twin.name == second)
        level_told_in = [session for method, session in new.told if method == "logging/setLevel"]
        in_session = [asked.headers.get("mcp-session-id") for asked in new.peer.named("tools/call")]
        assert level_told_in == in_session
        assert {await instance_of(client) for _ in range(10)} == {second}


async def test_session_stays_away_from_an_instance_that_has_come_back(serving: Serving) -> None:
    async with twins(serving, count=2, era="legacy") as two, connected(two.http, "legacy") as client:
        first = await instance_of(client)
        gone = next(twin for twin in two if twin.name == first)
        await gone.stop()
        second = await instance_of(client)
        await gone.start()
        await two.reach("ready", "ready")
        assert {await instance_of(client) for _ in range(5)} == {second}


async def test_resource_is_watched_at_every_instance_and_again_at_one_that_comes_back(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITIES, "resources", {"subscribe": True})
    watcher = Watcher()
    async with (
        twins(serving, era="legacy") as three,
        connected(three.http, "legacy", message_handler=watcher.hear) as client,
    ):
        await client.session.subscribe_resource(NOTE)
        assert [[method for method, _ in twin.told] for twin in three] == [["resources/subscribe"]] * 3
        first = await instance_of(client)
        gone = next(twin for twin in three if twin.name == first)
        await gone.stop()
        await instance_of(client)
        assert "down" in await three.states()
        await gone.start()
        await three.reach("ready", "ready", "ready")
        await watcher.hears(1)
        assert len(gone.told) == 2


async def test_call_of_a_session_that_was_not_executed_goes_on_at_another_instance(serving: Serving) -> None:
    async with twins(serving, count=2, era="legacy") as two, connected(two.http, "legacy") as client:
        first = await instance_of(client)
        home = next(twin for twin in two if twin.name == first)
        home.how = "reset"
        assert "error" in await answered(client, "tool")
        assert len(home.calls) == 2
        home.how = "ok"
        assert await instance_of(client) == first


async def test_lists_are_those_of_the_instance_that_has_come_last(serving: Serving) -> None:
    """As while a new version is rolled out."""

    async def tools(http: Any) -> list[str]:
        listed = (await http.get("/one/mcp/tools")).json()["tools"]
        return [tool["name"] for tool in listed]

    async with twins(serving) as three:
        assert await tools(three.http) == ["tool"]
        await three[0].stop()
        three[0].tools.append("new_one")
        await three.called(10)
        await three.reach("down", "ready", "ready")
        await three[0].start()
        await three.reach("ready", "ready", "ready")
        assert await tools(three.http) == ["tool", "new_one"]
        with anyio.fail_after(5):
            assert (await three.call("new_one")).status_code == 200
