"""Tests the agent example against a scripted model and a real router with real tools."""

from __future__ import annotations

import importlib
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI

from app import create_app
from settings.values import Settings
from tests.examples.model import Model, calls, says
from tests.examples.serving import Serve
from tests.shipped import shipped

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the certificates would take longer than the test
SHOP = '''
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("shop")


@mcp.tool()
async def order(item: str) -> str:
    """Order an item."""
    raise ToolError(f"{item} is sold out.")
'''
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def model(serve: Serve) -> Model:
    return Model(serve)


@pytest.fixture(scope="module")
def router_url(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("servers")
    (folder / "shop_server.py").write_text(SHOP)
    return serve(create_app(Settings.from_env({"MCP_SERVERS_DIR": f"{shipped()}:{folder}"})))


@pytest.fixture
async def ask(model: Model, router_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ask]:
    monkeypatch.syspath_prepend(ROOT / "examples")
    agent = importlib.import_module("agent")
    async with (
        httpx2.AsyncClient(base_url=router_url, verify=NO_TLS) as router,
        httpx2.AsyncClient(verify=NO_TLS) as http_client,
        AsyncOpenAI(base_url=model.url, api_key="none", http_client=http_client) as openai,
    ):
        yield lambda question, **options: agent.ask(question, router, openai, "scripted", **options)


@pytest.mark.anyio
async def test_model_that_calls_no_tool_is_asked_once(ask: Ask, model: Model) -> None:
    model.follow(says("Hello."))

    assert await ask("Say hello.") == "Hello."
    assert [request["messages"] for request in model.requests] == [[{"role": "user", "content": "Say hello."}]]


@pytest.mark.anyio
async def test_model_receives_every_tool_of_every_server(ask: Ask, model: Model) -> None:
    model.follow(says("Hello."))

    await ask("Say hello.")

    tools = {tool["function"]["name"]: tool for tool in model.requests[0]["tools"]}
    assert set(tools) == {"echo_echo_tool", "echo_reverse_tool", "math_add_tool", "math_multiply_tool", "shop_order"}
    assert set(tools["math_add_tool"]["function"]["parameters"]["properties"]) == {"a", "b"}


@pytest.mark.anyio
async def test_all_calls_of_one_turn_are_answered(ask: Ask, model: Model) -> None:
    model.follow(
        calls(
            ("math_multiply_tool", '{"a": 6, "b": 7}'),
            ("math_add_tool", '{"a": 0.5, "b": 1}'),
            ("echo_reverse_tool", '{"text": "grüßen"}'),
        ),
        says("42, 1.5 and neßürg."),
    )

    assert await ask("Do all three.") == "42, 1.5 and neßürg."
    assert model.was_told() == {"1": "42", "2": "1.5", "3": '"neßürg"'}
    assert [message["role"] for message in model.requests[-1]["messages"]] == ["user", "assistant"] + ["tool"] * 3


@pytest.mark.anyio
async def test_turns_continue_until_the_model_answers(ask: Ask, model: Model) -> None:
    add, multiply = ("math_add_tool", '{"a": 1, "b": 2}'), ("math_multiply_tool", '{"a": 3, "b": 14}')
    model.follow(calls(add), calls(multiply), says("42"))

    assert await ask("(1 + 2) * 14?") == "42"
    assert [len(request["messages"]) for request in model.requests] == [1, 3, 5]


@pytest.mark.anyio
async def test_model_receives_the_error_that_a_tool_reports(ask: Ask, model: Model) -> None:
    model.follow(calls(("shop_order", '{"item": "tea"}')), says("There is no tea."))

    assert await ask("Order tea.") == "There is no tea."
    assert model.was_told() == {"1": "tea is sold out."}


@pytest.mark.anyio
async def test_model_receives_the_error_for_an_unknown_tool(ask: Ask, model: Model) -> None:
    model.follow(calls(("math_ad_tool", '{"a": 1, "b": 2}')), says("I cannot."))

    await ask("1 + 2?")

    assert "math_ad_tool" in model.was_told()["1"]
    assert "math_add_tool" in model.was_told()["1"]


@pytest.mark.anyio
async def test_model_receives_the_errors_of_invalid_arguments(ask: Ask, model: Model) -> None:
    model.follow(calls(("math_add_tool", '{"a": 1}')), says("I cannot."))

    await ask("1 + ?")

    assert "do not match" in model.was_told()["1"]
    assert '"path": "b"' in model.was_told()["1"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "arguments",
    ['{"a": 1, "b"', "add one and two", '{"a": NaN, "b": 2}', "[" * 100_000],
    ids=["cut off", "words", "NaN", "too deep"],
)
async def test_model_receives_the_error_for_arguments_not_in_json(ask: Ask, model: Model, arguments: str) -> None:
    model.follow(calls(("math_add_tool", arguments)), says("I cannot."))

    assert await ask("1 + 2?") == "I cannot."
    assert model.was_told()["1"].startswith("The text in `arguments` is not JSON")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "arguments",
    ["[1, 2]", "3", '{"a": "\\ud800", "b": 2}'],
    ids=["a list", "a number", "half a character"],
)
async def test_model_receives_the_error_for_refused_arguments(ask: Ask, model: Model, arguments: str) -> None:
    model.follow(calls(("math_add_tool", arguments)), says("I cannot."))

    assert await ask("1 + 2?") == "I cannot."
    assert model.was_told()["1"]


@pytest.mark.anyio
async def test_model_that_never_answers_is_stopped(ask: Ask, model: Model) -> None:
    model.follow(*[calls(("math_add_tool", '{"a": 1, "b": 2}'))] * 3)

    with pytest.raises(Exception, match="no answer within 3 steps"):
        await ask("1 + 2?", steps=3)
    assert len(model.requests) == 3


def run(question: str, model: Model, router_url: str) -> subprocess.CompletedProcess[str]:
    variables = {"MULTI_MCP_URL": router_url, "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none"}
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "agent.py", question],
        env=os.environ | variables | {"OPENAI_MODEL": "scripted"},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_command_line_prints_the_answer(model: Model, router_url: str) -> None:
    model.follow(calls(("math_multiply_tool", '{"a": 6, "b": 7}')), says("It is 42."))

    ended = run("What is 6 times 7?", model, router_url)

    assert (ended.stdout, ended.stderr, ended.returncode) == ("It is 42.\n", "", 0)
    assert model.requests[0]["model"] == "scripted"


def test_command_line_reports_a_missing_router(model: Model) -> None:
    ended = run("What is 6 times 7?", model, "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The router did not answer")
