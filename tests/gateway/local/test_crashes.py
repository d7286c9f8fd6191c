"""Details of failed calls: paths and reasons of wrong arguments, and log records of crashes."""

from __future__ import annotations

import logging

import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from tests.clients import ERAS, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Item(BaseModel):
    size: int


async def pack(items: list[Item], label: dict[str, int] | None = None) -> int:
    return len(items)


async def pack_with_context(items: list[Item], ctx: Context, label: dict[str, int] | None = None) -> int:
    return len(items)


@pytest.mark.parametrize("tool", ["pack", "pack_with_context"])
async def test_error_has_the_path_and_reason_of_a_wrong_argument_but_not_its_value(
    make_app: MakeApp, tool: str
) -> None:
    arguments = {"items": [{"size": 1}, {"size": "SECRET"}, {}, "SECRET"], "label": {"SECRET_KEY": "SECRET"}}
    async with opened(make_app(server_of(pack, pack_with_context))) as client:
        answer = await post(client, tool, arguments)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "path": "items.1.size",
            "reason": "Input should be a valid integer, unable to parse string as an integer",
        },
        {"path": "items.2.size", "reason": "Field required"},
        {"path": "items.3", "reason": "Input should be a valid dictionary or instance of Item"},
        {
            "path": "label.SECRET_KEY",
            "reason": "Input should be a valid integer, unable to parse string as an integer",
        },
    ]
    assert "SECRET" not in answer.text.replace("SECRET_KEY", "")


async def crash() -> str:
    raise RuntimeError("the reason")


async def crash_with_context(ctx: Context) -> str:
    raise RuntimeError("the reason")


@pytest.mark.parametrize("tool", ["crash", "crash_with_context"])
@pytest.mark.slow
async def test_each_crash_is_logged_once_with_its_traceback(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, tool: str
) -> None:
    async with opened(make_app(server_of(crash, crash_with_context))) as client:
        await post(client, tool)
        for era in ERAS:
            async with connected(client, era) as mcp:
                await mcp.call_tool(tool)
    errors = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(errors) == 3
    for record in errors:
        assert repr(tool) in record.getMessage()
        assert record.exc_info is not None
        assert "the reason" in caplog.text
