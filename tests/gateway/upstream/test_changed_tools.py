"""An entry that changes to a server with other tools and capabilities, as calls on their way see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.errors import UnknownTool
from tests.calls import make_call
from tests.clients import connected, open_session
from tests.conftest import MakeApp
from tests.gateway.upstream.changing import Changed, changing
from tests.gateway.upstream.conftest import Serving, entry, status, written
from tests.gateway.upstream.http.peer import serving as serving_peer
from tests.gateway.upstream.test_changes import Slow
from tests.transport import opened
from tests.wire import messages, request

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_call_runs_the_tool_of_its_name_at_the_changed_server_and_none_that_is_hidden_there(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(servers_file=written(tmp_path, {"one": entry()}), follow=True)
    async with opened(app) as http:
        await status(http)
        server = app.state.registry["one"]
        echo, add = server.find("echo"), server.find("add_tool")
        await Changed(http, tmp_path).to(
            entry(tools={"rename": {"long": "echo", "echo": "said"}, "exclude": ["add_*"]})
        )
        arguments = {"size": 3, "message": "no"}
        result = await server.call(make_call("echo", arguments, server="one", entry=echo))
        assert result.body == b'{"result":"xxx"}'
        with pytest.raises(UnknownTool):
            await server.call(make_call("add_tool", {"a": 1, "b": 2}, server="one", entry=add))


async def test_clients_over_all_servers_hear_of_the_change_and_get_what_the_changed_server_has(
    serving: Serving, tmp_path: Path
) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(getattr(message, "method", ""))

    async with (
        serving_peer(Slow().answer) as peer,
        changing(serving, tmp_path, {"url": peer.url}) as changed,
        connected(changed.http, "legacy", "", message_handler=hear),
    ):
        session, subscribe = (
            await open_session(changed.http, "/mcp"),
            request("resources/subscribe", uri="note://one/a"),
        )
        answer = await changed.http.post("/mcp", json=subscribe, headers=session)
        assert "Method not found" in answer.text
        await changed.to(entry())
        with anyio.fail_after(5):
            while len(heard) < 3:
                await anyio.sleep(0.01)
        answer = await changed.http.post("/mcp", json=subscribe, headers=session)
        assert messages(answer.text)[-1]["result"] == {}
    assert sorted(heard) == [f"notifications/{name}/list_changed" for name in ("prompts", "resources", "tools")]
