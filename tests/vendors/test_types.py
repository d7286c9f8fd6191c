"""Checks the tool lists for other vendors against the types of their Python packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import ToolParam
from google.genai import types as gemini
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletionFunctionToolParam
from openai.types.responses import FunctionToolParam
from openai.types.shared_params import FunctionDefinition
from pydantic import TypeAdapter

from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.vendors]
ODD = str(Path(__file__).parents[1] / "fuzz" / "servers")
OPENAI_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
URLS = ["/tools", "/odd/mcp/tools"]


async def formatted(make_app: MakeApp, url: str, name: str) -> list[dict[str, Any]]:
    async with opened(make_app(servers_dir=(shipped(), ODD))) as client:
        answer = await client.get(url, params={"format": name})
        assert answer.status_code == 200
        tools: list[dict[str, Any]] = answer.json()
        return tools


def check_accepted(kind: Any, value: Mapping[str, Any]) -> None:
    """Checks the value against a vendor's TypedDict. It must have no key that is unknown there."""
    assert value.keys() <= kind.__annotations__.keys()
    TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize("url", URLS)
async def test_tools_in_openai_format_match_the_openai_types(make_app: MakeApp, url: str) -> None:
    tools = await formatted(make_app, url, "openai")
    for tool in tools:
        check_accepted(ChatCompletionFunctionToolParam, tool)
        check_accepted(FunctionDefinition, tool["function"])
        assert OPENAI_NAME.fullmatch(tool["function"]["name"])
        assert is_schema_of_an_object(tool["function"]["parameters"])
    assert len({tool["function"]["name"] for tool in tools}) == len(tools) > 20


@pytest.mark.parametrize("url", URLS)
async def test_tools_in_openai_responses_format_match_the_openai_types(make_app: MakeApp, url: str) -> None:
    tools = await formatted(make_app, url, "openai-responses")
    for tool in tools:
        check_accepted(FunctionToolParam, tool)
        assert OPENAI_NAME.fullmatch(tool["name"])
        assert is_schema_of_an_object(tool["parameters"])
        assert tool["strict"] is False
    assert len({tool["name"] for tool in tools}) == len(tools) > 20


@pytest.mark.parametrize("url", URLS)
async def test_tools_in_anthropic_format_match_the_anthropic_types(make_app: MakeApp, url: str) -> None:
    tools = await formatted(make_app, url, "anthropic")
    for tool in tools:
        check_accepted(ToolParam, tool)
        assert ANTHROPIC_NAME.fullmatch(tool["name"])
        assert is_schema_of_an_object(tool["input_schema"])
    assert len({tool["name"] for tool in tools}) == len(tools) > 20


@pytest.mark.parametrize("url", URLS)
async def test_tools_in_gemini_format_match_the_gemini_types(make_app: MakeApp, url: str) -> None:
    (tool,) = TypeAdapter(list[gemini.Tool]).validate_python(await formatted(make_app, url, "gemini"))
    functions = tool.function_declarations or []
    for function in functions:
        assert GEMINI_NAME.fullmatch(function.name or "")
        assert is_schema_of_an_object(function.parameters_json_schema)
    assert len({function.name for function in functions}) == len(functions) > 20


def test_vendor_types_refuse_unknown_fields() -> None:
    with pytest.raises(AssertionError):
        check_accepted(ToolParam, {"name": "a", "inputSchema": {}})
    with pytest.raises(ValueError, match="function"):
        check_accepted(ChatCompletionFunctionToolParam, {"type": "tool", "function": {"name": "a"}})
    with pytest.raises(ValueError, match="inputSchema"):
        TypeAdapter(gemini.Tool).validate_python({"functionDeclarations": [{"name": "a", "inputSchema": {}}]})


def is_schema_of_an_object(schema: Any) -> bool:
    Draft202012Validator.check_schema(schema)
    return bool(schema["type"] == "object")
