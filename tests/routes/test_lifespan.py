"""Start and end of the servers, and the log of a failed start."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.types import Message

from tests.conftest import MakeApp
from tests.transport import run_lifespan

pytestmark = pytest.mark.anyio


async def start(app: Starlette) -> list[Message]:
    """Starts the application and ends it at once; returns its answers."""
    answers: list[Message] = []
    await run_lifespan(app, answers)
    return answers


def server(name: str, events: list[str], failing: bool = False) -> MCPServer[Any]:
    @asynccontextmanager
    async def lifespan(mcp: MCPServer[Any]) -> AsyncIterator[None]:
        if failing:
            raise OSError("no database\nat all")
        events.append(f"{name} opens")
        try:
            yield
        finally:
            events.append(f"{name} closes")

    return MCPServer(name, lifespan=lifespan)


@pytest.mark.slow
async def test_servers_start_in_order_and_end_in_reverse(make_app: MakeApp) -> None:
    events: list[str] = []
    app = make_app(server("one", events), server("two", events))
    answers = [answer["type"] for answer in await start(app)]
    assert answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert events == ["one opens", "two opens", "two closes", "one closes"]


async def test_failed_start_is_logged_in_one_line_that_names_the_server(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []
    app = make_app(server("one", events), server("two", events, failing=True), server("three", events))
    answers = await start(app)
    assert answers == [{"type": "lifespan.startup.failed", "message": ""}]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "server 'two' does not start: OSError: no database"
    ]
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG and record.exc_info]
    assert events == ["one opens", "one closes"]


async def test_traceback_of_a_failed_start_is_logged_at_debug(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await start(make_app(server("two", [], failing=True)))
    assert "at all" in caplog.text
    assert "Traceback" in caplog.text
