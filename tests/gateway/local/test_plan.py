"""Direct calls of a tool's function, which must answer as the SDK alone does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from mcp import Client
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from pydantic import BaseModel, BeforeValidator, Field

from gateway.local.threads import Threads
from gateway.local.tools import Tools
from tests.clients import answered, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Model(BaseModel):
    name: str = "x"


TYPES: list[Any] = [
    *(int, float, bool, str, bytes, date, list, dict, Any, None, Model, list[int], dict[str, int], tuple[int, str]),
    *(int | str, str | None, int | None, list[str] | str, Model | None, Literal["1", "x"], Literal[1, "null"]),
    *(Annotated[str, Field(max_length=2)], Annotated[str, BeforeValidator(str.strip)], Annotated[int, Field(gt=0)]),
]
VALUES: list[Any] = [
    *(1, 0, -1, 1.5, 1e20, True, None, "", "1", "1.0", "true", "null", "x", " x ", '"x"', "[1]", '["a"]', "[", "{}"),
    *('{"name": "y"}', "2026-07-28", [], [1], ["a"], {}, {"a": 1}, {"name": "y"}, {"name": 1}, [1, "a"], "9" * 5000),
]


def taking(annotation: Any) -> Callable[..., Any]:
    async def take(value):  # type: ignore[no-untyped-def]
        return f"{type(value).__name__} {value!r}"

    take.__annotations__ = {"value": annotation}
    return take


@pytest.mark.parametrize("annotation", TYPES, ids=str)
@pytest.mark.slow
async def test_arguments_are_converted_as_the_sdk_alone_converts_them(make_app: MakeApp, annotation: Any) -> None:
    take = taking(annotation)
    async with opened(make_app(server_of(take))) as client, Client(server_of(take)) as alone:
        for value in VALUES:
            answer = await post(client, "take", {"value": value})
            expected = await answered(alone, "take", {"value": value})
            [text] = [block["text"] for block in expected["content"]]
            crashed = text == "Error executing tool take"
            assert answer.status_code == ((500 if crashed else 422) if expected["isError"] else 200)
            if answer.status_code == 200:
                assert answer.json()["result"] == text


async def test_default_factory_runs_for_each_call(make_app: MakeApp) -> None:
    async def take(value: Annotated[list[int], Field(default_factory=list)]) -> int:
        value.append(1)
        return len(value)

    async with opened(make_app(server_of(take))) as client:
        assert [(await post(client, "take")).json()["result"] for _ in range(3)] == [1, 1, 1]


async def test_validation_does_not_change_the_arguments_of_a_call(make_app: MakeApp) -> None:
    seen: list[Any] = []

    async def take(value: list[int], copy: Any = None) -> int:
        seen.append(value)
        return len(value)

    async with opened(make_app(server_of(take))) as client:
        for _ in range(2):
            assert (await post(client, "take", {"value": "[1, 2]"})).json() == {"result": 2}
    assert seen == [[1, 2], [1, 2]]


class Loud(FuncMetadata):
    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"text": "VALIDATED"}


async def echo(text: str) -> str:
    return text


async def test_custom_metadata_class_of_a_tool_validates_its_arguments(make_app: MakeApp) -> None:
    tool = Tool.from_function(echo)
    tool.fn_metadata = Loud(**{name: getattr(tool.fn_metadata, name) for name in FuncMetadata.model_fields})
    async with opened(make_app(MCPServer("one", tools=[tool]))) as client:
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "VALIDATED"}


async def test_tool_fails_like_the_resource_or_tool_that_it_uses(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    mcp = server_of()

    @mcp.resource("broken://a")
    def broken() -> str:
        raise RuntimeError("secret")

    @mcp.tool()
    async def reads(uri: str) -> str:
        return str(await mcp.read_resource(uri))

    @mcp.tool()
    async def calls(tool: str) -> str:
        return str(await mcp.call_tool(tool, {"uri": "broken://a"}))

    @mcp.tool()
    def no() -> str:
        raise ToolError("not today")

    async with opened(make_app(mcp)) as client:
        crash = await post(client, "reads", {"uri": "broken://a"})
        unknown = await post(client, "reads", {"uri": "unknown://a"})
        nested = await post(client, "calls", {"tool": "reads"})
        refused = await post(client, "calls", {"tool": "no"})
        missing = await post(client, "calls", {"tool": "nothing"})
    for answer in (crash, nested):
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:multi-mcp:error:tool-crashed")
        assert "secret" not in answer.text
    assert (unknown.status_code, unknown.json()["detail"]) == (422, "Unknown resource: unknown://a")
    assert (refused.status_code, refused.json()["detail"]) == (422, "Error executing tool no: not today")
    assert (missing.status_code, missing.json()["detail"]) == (422, "Unknown tool: nothing")
    assert "secret" in caplog.text


async def test_server_may_call_its_tools_outside_of_a_call(make_app: MakeApp) -> None:
    results: list[Any] = []

    @asynccontextmanager
    async def lifespan(mcp: MCPServer[Any]) -> AsyncIterator[None]:
        yield
        results.append(await mcp.call_tool("echo", {"text": "at the end"}))
        with pytest.raises(ToolError):
            await mcp.call_tool("echo", {})

    async with opened(make_app(server_of(echo, lifespan=lifespan))) as client:
        assert (await post(client, "echo", {"text": "a"})).json() == {"result": "a"}
    assert [result.structured_content for result in results] == [{"result": "at the end"}]


def test_only_a_function_that_awaits_nothing_has_ended_with_its_first_step() -> None:
    async def plain() -> int:
        def nested() -> Iterator[int]:
            yield from range(3)

        return sum(nested())

    async def awaits() -> None:
        await asyncio.sleep(0)

    async def uses_a_lock() -> None:
        async with asyncio.Lock():
            pass

    async def collects() -> list[int]:
        return [each async for each in numbers()]

    async def numbers() -> AsyncIterator[int]:
        yield 1

    async def with_context(ctx: Context) -> None:
        pass

    def in_a_thread() -> None:
        pass

    def waits(function: Callable[..., Any], **options: Any) -> bool:
        plan = Tools(server_of(function), Threads(1), 1000, **options).plan(function.__name__)
        assert plan is not None
        return plan.waits

    assert not waits(plain)
    assert waits(plain, has_hooks=True)
    for function in (awaits, uses_a_lock, collects, with_context, in_a_thread):
        assert waits(function), function
