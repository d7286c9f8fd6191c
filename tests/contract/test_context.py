"""Tools that use `Context`, and tools that change their server while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import LoggingMessageNotificationParams

from app import create_app
from settings.values import Settings
from tests.calls import make_call
from tests.clients import ERAS, Era, answered, connected, text_error
from tests.contract.ways import SERVERS, Ways
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The logging capability is deprecated")]


@pytest.mark.parametrize(
    ("tool", "arguments", "result"),
    [
        ("reports", {"steps": 3}, "done"),
        ("reports", {"steps": "3"}, "done"),
        ("reports_in_a_thread", {}, "True"),
        ("with_image", {}, [{"type": "image", "data": "iVBORw==", "mimeType": "image/png"}]),
        ("bare_with_context", {"count": 3}, ["text", 2, None]),
        ("bare_with_context", {"count": 1}, ["text"]),
        ("bare_with_context", {"count": 0}, []),
        ("lifespan_state", {}, "the state"),
    ],
)
@pytest.mark.slow
async def test_tool_with_context_works_over_every_transport(
    ways: Ways, tool: str, arguments: dict[str, Any], result: Any
) -> None:
    assert (await ways.call(tool, arguments)).json() == {"result": result}
    assert (await ways.tool_url(tool, arguments)).json() == {"result": result}
    legacy, modern = [await ways.native(era, tool, arguments) for era in ERAS]
    assert legacy == modern
    assert not legacy["isError"]
    assert await ways.ran() == [tool] * 4


@pytest.mark.parametrize("era", ERAS)
async def test_progress_and_log_reach_an_mcp_client(ways: Ways, era: Era) -> None:
    steps: list[tuple[float, float | None, str | None]] = []
    lines: list[Any] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total, message))

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        lines.append((params.level, params.logger, params.data))

    async with connected(ways.http, era, "kinds", logging_callback=on_log, log_level="debug") as client:
        await client.call_tool("reports", {"steps": 2}, progress_callback=on_progress)

    assert steps == [(1, 2, "step 1"), (2, 2, "step 2")]
    assert lines == [("info", "kinds", {"steps": 2})]
    assert await ways.ran() == ["reports"]


@pytest.mark.slow
async def test_progress_and_log_are_passed_to_the_report_of_a_call() -> None:
    reports: list[tuple[str, Mapping[str, Any]]] = []

    async def report(kind: str, fields: Mapping[str, Any]) -> None:
        reports.append((kind, fields))

    app = create_app(Settings(servers_dir=(SERVERS,)))
    async with opened(app):
        server = app.state.registry["kinds"]
        call = make_call("reports", {"steps": 2}, server="kinds", entry=server.find("reports"), report=report)
        result = await server.call(call)

    assert result.body == b'{"result":"done"}'
    assert reports == [
        ("progress", {"progress": 1, "total": 2, "message": "step 1"}),
        ("progress", {"progress": 2, "total": 2, "message": "step 2"}),
        ("log", {"level": "info", "logger": "kinds", "data": {"steps": 2}}),
    ]


@pytest.mark.slow
async def test_tool_added_by_another_tool_is_served_at_once_until_it_is_removed(ways: Ways) -> None:
    async def listed() -> list[str]:
        tools = (await ways.http.get("/kinds/mcp/tools")).json()["tools"]
        return [tool["name"] for tool in tools if tool["name"].startswith("new")]

    assert await listed() == []
    await ways.call("adds_a_tool", {"name": "new_tool"})
    for name in ("new_tool", "new"):
        assert (await ways.call(name, {"a": 2})).json() == {"result": 4}
    assert (await ways.tool_url("new_tool", {"a": 2})).json() == {"result": 4}
    assert await listed() == ["new_tool"]
    for era in ERAS:
        assert (await ways.native(era, "new_tool", {"a": 2}))["structuredContent"] == {"result": 4}
    assert await ways.ran() == ["adds_a_tool", *["new_tool"] * 5]

    await ways.call("removes_a_tool", {"name": "new_tool"})
    assert await listed() == []
    assert (await ways.call("new_tool", {"a": 2})).status_code == 404
    assert await ways.native("modern", "new_tool", {"a": 2}) == text_error("Unknown tool: new_tool")
    assert await ways.ran() == ["removes_a_tool"]


@pytest.mark.parametrize("era", ERAS)
async def test_new_tool_first_called_over_mcp_is_served_like_the_others(ways: Ways, era: Era) -> None:
    name = f"first_over_{era}"
    await ways.native(era, "adds_a_tool", {"name": name})
    assert (await ways.native(era, name, {"a": "2"}))["structuredContent"] == {"result": 4}
    await ways.native(era, "removes_a_tool", {"name": name})
    await ways.ran()


@pytest.mark.slow
async def test_removed_tool_can_be_replaced_by_one_of_the_same_name(ways: Ways) -> None:
    async with connected(ways.http, "modern", "kinds") as client:
        for factor in ("1", "2"):
            await answered(client, "adds_a_tool", {"name": "again"})
            assert (await ways.call("again", {"a": factor})).json() == {"result": int(factor) * 2}
            await answered(client, "removes_a_tool", {"name": "again"})
    await ways.ran()
