"""Against the vendors' published schemas: the types of their own Python packages."""

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


def accepts(kind: Any, value: Mapping[str, Any]) -> None:
    """Whether a vendor's TypedDict takes the value, which must have no key that the vendor does not know."""
    assert value.keys() <= kind.__annotations__.keys()
    TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize("url", URLS)
async def test_openai_takes_the_tools_as_they_are(make_app: MakeApp, url: str) -> None:
    tools = await formatted(make_app, url, "openai")
    for tool in tools:
        accepts(ChatCompletionFunctionToolParam, tool)
        accepts(FunctionDefinition, tool["function"])
        assert OPENAI_NAME.fullmatch(tool["function"]["name"])
        assert is_schema_of_an_object(tool["function"]["parameters"])
    assert len({tool["function"]["name"] for tool in tools}) == len(tools) > 20


@pytest.mark.parametrize("url", URLS)
async def test_anthropic_takes_the_tools_as_they_are(make_app: MakeApp, url: str) -> None:
    tools = await formatted(make_app, url, "anthropic")
    for tool in tools:
        accepts(ToolParam, tool)
        assert ANTHROPIC_NAME.fullmatch(tool["name"])
        assert is_schema_of_an_object(tool["input_schema"])
    assert len({tool["name"] for tool in tools}) == len(tools) > 20


@pytest.mark.parametrize("url", URLS)
async def test_gemini_takes_the_tools_as_they_are(make_app: MakeApp, url: str) -> None:
    (tool,) = TypeAdapter(list[gemini.Tool]).validate_python(await formatted(make_app, url, "gemini"))
    functions = tool.function_declarations or []
    for function in functions:
        assert GEMINI_NAME.fullmatch(function.name or "")
        assert is_schema_of_an_object(function.parameters_json_schema)
    assert len({function.name for function in functions}) == len(functions) > 20


def test_the_vendors_schemas_refuse_what_they_do_not_know() -> None:
    with pytest.raises(AssertionError):
        accepts(ToolParam, {"name": "a", "inputSchema": {}})
    with pytest.raises(ValueError, match="function"):
        accepts(ChatCompletionFunctionToolParam, {"type": "tool", "function": {"name": "a"}})
    with pytest.raises(ValueError, match="inputSchema"):
        TypeAdapter(gemini.Tool).validate_python({"functionDeclarations": [{"name": "a", "inputSchema": {}}]})


def is_schema_of_an_object(schema: Any) -> bool:
    Draft202012Validator.check_schema(schema)
    return bool(schema["type"] == "object")
