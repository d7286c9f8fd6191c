"""Servers that are replaced while the application runs, with requests in flight."""

from __future__ import annotations

import json

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.errors import StartError, UnknownServer
from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.gateway.servers.added import Waiting, add, local
from tests.gateway.servers.test_following import until
from tests.routes.raw import HOST, ask
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def test_call_in_flight_ends_in_the_server_that_was_replaced(make_app: MakeApp) -> None:
    app, before, after = make_app(server_of(add)), Waiting(), Waiting()
    after.go_on.set()
    async with opened(app) as http:
        registry = app.state.registry
        await registry.add(local(app, before.mcp))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until, http, "went on", "wait", "two")
            await before.begun.wait()
            await registry.replace(local(app, after.mcp), 5)
            assert (await post(http, "wait", server="two")).json() == {"result": "went on"}
            assert (before.events, after.events) == (["opens"], ["opens", "answers"])
            before.go_on.set()
        with anyio.fail_after(5):
            while before.events[-1] != "closes":
                await anyio.sleep(0.01)
    assert before.events == ["opens", "answers", "closes"]


async def test_request_whose_body_is_still_arriving_is_answered_by_the_replaced_server(make_app: MakeApp) -> None:
    app, before, after = make_app(server_of(add)), Waiting(), Waiting()
    before.go_on.set()
    begun, go_on = anyio.Event(), anyio.Event()

    async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on the first piece of the body, and the next one when it may go on."""
        pieces = iter((begun.set, go_on.wait))

        async def received() -> Message:
            waiting = next(pieces)()
            if waiting is not None:
                await waiting
            return await receive()

        await app(scope, received, send)

    async with opened(app):
        registry, answers = app.state.registry, []
        await registry.add(local(app, before.mcp))

        async def call() -> None:
            headers = (HOST, (b"content-type", b"application/json"))
            answers.append(await ask(slowly, "POST", "/two/mcp/call", headers, b'{"tool": "wait"', b"}"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await begun.wait()
            await registry.replace(local(app, after.mcp), 5)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
        assert answers[0].document == {"result": "went on"}
        assert (before.events[:2], after.events) == (["opens", "answers"], ["opens"])


@pytest.mark.parametrize("era", ERAS)
async def test_clients_over_all_servers_go_on_when_one_is_replaced(make_app: MakeApp, era: Era) -> None:
    app = make_app(server_of(add))
    async with opened(app) as http, connected(http, era, "") as client:
        await app.state.registry.replace(local(app, server_of(add)), 1)
        assert (await client.call_tool("one_add", {"a": 1, "b": 2})).structured_content == {"result": 3}
        assert [tool.name for tool in (await client.list_tools()).tools] == ["one_add"]


async def test_only_a_server_that_opens_replaces_one_that_is_there(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    async with opened(app) as http:
        registry = app.state.registry
        with pytest.raises(UnknownServer):
            await registry.replace(local(app, server_of(add, name="two")), 1)

        async def refuses() -> None:
            raise StartError("it is not ready")

        with pytest.raises(StartError, match="'one' does not start: it is not ready"):
            await registry.replace(local(app, server_of(add)), 1, refuses)
        assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
        assert json.loads((await http.get("/health")).text)["status"] == "ok"
