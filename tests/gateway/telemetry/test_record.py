"""The log line of each call: its outcome, its transport, its request id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import InputRequiredResult

from gateway.call import ToolCall, ToolResult, chain
from gateway.telemetry.record import Record
from tests.calls import make_call
from tests.clients import ERAS, Era, answered, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Lines = Callable[[], list[dict[str, Any]]]


async def echo(text: str) -> str:
    return text


async def no() -> str:
    raise ToolError("no")


async def crash() -> str:
    raise RuntimeError


async def protocol() -> str:
    raise MCPError(-32050, "no")


async def never() -> str:
    await anyio.sleep_forever()
    return "never"


async def asks(ctx: Context) -> InputRequiredResult:
    return InputRequiredResult(request_state="state")


TOOLS = (echo, no, crash, protocol, never, asks)
ARGUMENTS = {"text": "SECRET"}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Returns a function that reads the lines of calls. Call it after the application has ended."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        return [line for line in found if line.get("event") == "call"]

    return read


async def call_on_every_transport(client: httpx2.AsyncClient) -> None:
    await post(client, "echo", ARGUMENTS)
    await client.post("/one/mcp/tools/echo", json=ARGUMENTS)
    await client.post("/call", json={"server": "one", "tool": "echo", "arguments": ARGUMENTS})
    for server, tool in (("one", "echo"), ("", "one_echo")):
        for era in ERAS:
            async with connected(client, era, server) as mcp:
                await mcp.call_tool(tool, {**ARGUMENTS})


async def test_call_is_recorded_once_on_every_transport(make_app: MakeApp, lines: Lines) -> None:
    async with opened(make_app(server_of(*TOOLS), log_format="json")) as client:
        await call_on_every_transport(client)
        client.headers["x-request-id"] = "my-request"
        await call_on_every_transport(client)
    recorded = lines()
    assert [line["request_id"] for line in recorded[7:]] == ["my-request"] * 7
    del recorded[7:]
    assert [line["via"] for line in recorded] == ["call", "tool-url", "call", "mcp", "mcp", "aggregate", "aggregate"]
    for line in recorded:
        assert (line["server"], line["tool"], line["outcome"]) == ("one", "echo", "ok")
        assert 0 <= line["ms"] < 10_000
        assert len(line["request_id"]) > 1
        assert "SECRET" not in json.dumps(line)
    assert len({line["request_id"] for line in recorded}) == 7


async def test_arguments_and_results_are_recorded_if_enabled(make_app: MakeApp, lines: Lines) -> None:
    async with opened(make_app(server_of(*TOOLS), log_format="json", log_arguments=True)) as client:
        await call_on_every_transport(client)
    assert all(line["arguments"] == ARGUMENTS and "SECRET" in json.dumps(line["result"]) for line in lines())


@pytest.mark.parametrize(
    "case",
    [
        ("echo", ARGUMENTS, "ok"),
        ("echo", {}, "invalid-arguments"),
        ("no", {}, "tool-error"),
        ("crash", {}, "tool-crashed"),
        ("protocol", {}, "tool-error"),
        ("never", {}, "timeout"),
        ("nothing", {}, "unknown-tool"),
    ],
)
@pytest.mark.parametrize("era", ERAS)
async def test_outcome_of_a_call_is_the_same_on_every_transport(
    make_app: MakeApp, lines: Lines, era: Era, case: tuple[str, dict[str, Any], str]
) -> None:
    tool, arguments, outcome = case
    app = make_app(server_of(*TOOLS), log_format="json", call_timeout=0.1)
    async with opened(app) as client, connected(client, era) as mcp:
        await answered(mcp, tool, arguments)
        await post(client, tool, arguments)
        await client.post(f"/one/mcp/tools/{tool}", json=arguments)
    assert [(line["tool"], line["outcome"]) for line in lines()] == [(tool, outcome)] * 3


async def test_call_that_asks_for_input_is_recorded_as_input_required(make_app: MakeApp, lines: Lines) -> None:
    async with opened(make_app(server_of(*TOOLS), log_format="json")) as client:
        async with connected(client, "modern") as mcp:
            await answered(mcp, "asks")
        await post(client, "asks")
    assert [line["outcome"] for line in lines()] == ["input-required"] * 2


async def test_call_refused_for_lack_of_capacity_is_recorded(make_app: MakeApp, lines: Lines) -> None:
    begun, go = anyio.Event(), anyio.Event()

    async def wait() -> None:
        begun.set()
        await go.wait()

    app = make_app(server_of(wait), max_calls=1, log_format="json")
    async with opened(app) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(post, client, "wait")
        await begun.wait()
        await post(client, "wait")
        go.set()
    assert [line["outcome"] for line in lines()] == ["unavailable", "ok"]


async def test_call_whose_client_disconnects_is_recorded_as_cancelled(make_app: MakeApp, lines: Lines) -> None:
    begun, ended = anyio.Event(), anyio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with opened(make_app(server_of(wait), log_format="json")) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(post, client, "wait")
            await begun.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await ended.wait()
    assert [(line["tool"], line["outcome"]) for line in lines()] == [("wait", "cancelled")]


async def test_made_up_tool_name_is_cut_on_every_transport(make_app: MakeApp, lines: Lines) -> None:
    name = "x" * 1000
    async with opened(make_app(server_of(*TOOLS), log_format="json")) as client:
        await post(client, name)
        await client.post(f"/one/mcp/tools/{name}", json={})
        for era in ERAS:
            async with connected(client, era) as mcp:
                await answered(mcp, name)
    assert [line["tool"] for line in lines()] == ["x" * 128] * 4


async def test_duration_is_by_the_given_clock_and_failures_are_written_too() -> None:
    ticks = iter([1.0, 3.5, 10.0, 11.0])
    written: list[tuple[str, float, bool]] = []

    def write(call: ToolCall, outcome: str, seconds: float, result: ToolResult | None) -> None:
        written.append((outcome, seconds, result is None))

    async def fine(call: ToolCall) -> ToolResult:
        return ToolResult(b"1")

    async def broken(call: ToolCall) -> ToolResult:
        raise LookupError

    record = Record(write, clock=lambda: next(ticks))
    await chain([record], fine)(make_call())
    with pytest.raises(LookupError):
        await chain([record], broken)(make_call())
    assert written == [("ok", 2.5, False), ("failed", 1.0, True)]
