"""Start and end of the registry's servers, their failures, and unknown names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context, MCPServer
from starlette.types import Message

from gateway.errors import StartError, UnknownServer
from tests.clients import ERAS, connected, post
from tests.conftest import MakeApp
from tests.transport import opened, run_lifespan

pytestmark = pytest.mark.anyio


class LifespanLog:
    """Servers that record the steps of their lifespans."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def server(self, name: str, *, opens: Any = None, closes: Any = None) -> MCPServer[Any]:
        """Returns a server. `opens` and `closes` are exceptions to raise or functions to await at that step."""

        @asynccontextmanager
        async def lifespan(mcp: MCPServer[Any]) -> AsyncIterator[str]:
            await self._note(f"{name} opens", opens)
            try:
                yield f"state of {name}"
            finally:
                await self._note(f"{name} closes", closes)

        mcp = MCPServer(name, lifespan=lifespan)
        mcp.add_tool(state)
        return mcp

    async def _note(self, line: str, then: Any) -> None:
        self.lines.append(line)
        if isinstance(then, BaseException):
            raise then
        if then is not None:
            await then()


async def state(ctx: Context) -> Any:
    return ctx.request_context.lifespan_context


@pytest.mark.slow
async def test_servers_open_in_the_given_order_and_close_in_reverse(make_app: MakeApp) -> None:
    log = LifespanLog()
    async with opened(make_app(*(log.server(name) for name in "cab"))) as client:
        assert [server["server"] for server in (await client.get("/health")).json()["servers"]] == ["c", "a", "b"]
    assert log.lines == ["c opens", "a opens", "b opens", "b closes", "a closes", "c closes"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (RuntimeError("no database"), "RuntimeError: no database"),
        (ExceptionGroup("several", [ExceptionGroup("more", [OSError("no\nroute")])]), "OSError: no"),
        (ImportError("later"), "ImportError: later"),
        (SystemExit("3"), "SystemExit: 3"),
    ],
)
@pytest.mark.slow
async def test_server_that_fails_to_start_is_named_and_earlier_ones_are_closed(
    make_app: MakeApp, failure: BaseException, reason: str
) -> None:
    log = LifespanLog()
    app = make_app(log.server("a"), log.server("b"), log.server("c", opens=failure), log.server("d"))
    with pytest.raises(StartError) as caught:
        async with opened(app):
            raise AssertionError("unreachable")
    assert str(caught.value) == f"server 'c' does not start: {reason}"
    assert log.lines == ["a opens", "b opens", "c opens", "b closes", "a closes"]


@pytest.mark.slow
async def test_server_that_fails_to_close_is_named_and_the_others_are_closed(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    log = LifespanLog()
    app = make_app(log.server("a"), log.server("b", closes=RuntimeError("stuck")), log.server("c"))
    async with opened(app):
        pass
    assert log.lines[3:] == ["c closes", "b closes", "a closes"]
    assert "server 'b' does not close: RuntimeError: stuck" in caplog.text


@pytest.mark.slow
async def test_lifespan_of_a_server_is_entered_once_for_all_clients(make_app: MakeApp) -> None:
    log = LifespanLog()
    async with opened(make_app(log.server("a"))) as client:
        for era in ERAS * 3:
            async with connected(client, era, "a") as mcp:
                result = await mcp.call_tool("state")
                assert result.content[0].model_dump()["text"] == "state of a"
            async with connected(client, era, "") as mcp:
                assert not (await mcp.call_tool("a_state")).is_error
        assert (await post(client, "state", server="a")).json() == {"result": "state of a"}
    assert log.lines == ["a opens", "a closes"]


async def test_app_is_started_only_after_all_its_servers(make_app: MakeApp) -> None:
    log, reached, go_on = LifespanLog(), anyio.Event(), anyio.Event()

    async def slowly() -> None:
        reached.set()
        await go_on.wait()

    app = make_app(log.server("a"), log.server("b", opens=slowly), log.server("c"))
    sent: list[Message] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_lifespan, app, sent)
        await reached.wait()
        assert sent == []
        go_on.set()
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert log.lines == ["a opens", "b opens", "c opens", "c closes", "b closes", "a closes"]


async def test_failed_start_is_logged_in_one_line(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    log, sent = LifespanLog(), list[Message]()
    await run_lifespan(make_app(log.server("a"), log.server("b", opens=RuntimeError("no database"))), sent)
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in errors] == ["server 'b' does not start: RuntimeError: no database"]
    assert errors[0].exc_info is None


@pytest.mark.slow
async def test_unknown_server_is_404_and_the_nearest_one_is_named(make_app: MakeApp) -> None:
    app = make_app(LifespanLog().server("weather"))
    async with opened(app) as client:
        answer = await client.post("/call", json={"server": "wether", "tool": "state"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-server")
    assert answer.json()["detail"] == "There is no server 'wether'. Did you mean 'weather'?"
    with pytest.raises(UnknownServer, match="There is no server 'other'"):
        app.state.registry["other"]
    assert app.state.registry.states() == {"weather": "ready"}
