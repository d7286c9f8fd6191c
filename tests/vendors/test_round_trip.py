"""Each vendor's own client sends the lists to its API; the call of a model comes back as its client reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from google import genai
from google.genai.types import GenerateContentConfig, HttpOptions, Tool
from openai import OpenAI
from pydantic import TypeAdapter

from tests.conftest import MakeApp, server_of
from tests.routes.vendors import odd_schemas
from tests.routes.vendors.rules import CHECKS, functions
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.vendors]
Called = tuple[str, str | dict[str, Any]]
"""The name of a tool and its arguments, as a vendor's client hands them over."""


class Model:
    """An API that keeps the tools of the last request, and answers with `answer`."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.tools: list[dict[str, Any]] = []
        self.client = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.tools = json.loads(request.content)["tools"]
        return httpx2.Response(200, json=self.answer)


def by_openai(tools: list[Any], name: str, arguments: Any) -> tuple[Model, Called]:
    function = {"name": name, "arguments": json.dumps(arguments) if arguments else ""}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    model = Model({"id": "x", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]})
    client = OpenAI(api_key="none", http_client=model.client)
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], tools=tools)
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    return model, (call.function.name, call.function.arguments)


def by_openai_responses(tools: list[Any], name: str, arguments: Any) -> tuple[Model, Called]:
    call = {"type": "function_call", "call_id": "c", "name": name, "arguments": json.dumps(arguments)}
    model = Model({"id": "x", "object": "response", "output": [call]})
    client = OpenAI(api_key="none", http_client=model.client)
    (item,) = client.responses.create(model="m", input="?", tools=tools).output
    assert item.type == "function_call"
    return model, (item.name, item.arguments)


def by_anthropic(tools: list[Any], name: str, arguments: Any) -> tuple[Model, Called]:
    use = {"type": "tool_use", "id": "t", "name": name, "input": arguments}
    model = Model({"id": "x", "type": "message", "role": "assistant", "content": [use]})
    client = Anthropic(api_key="none", http_client=model.client)
    answer = client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "?"}], tools=tools)
    (block,) = answer.content
    assert block.type == "tool_use"
    return model, (block.name, block.input)


def by_gemini(tools: list[Any], name: str, arguments: Any) -> tuple[Model, Called]:
    part = {"functionCall": {"name": name, "args": arguments}}
    model = Model({"candidates": [{"content": {"role": "model", "parts": [part]}}]})
    client = genai.Client(api_key="none", http_options=HttpOptions(httpx_client=model.client))
    config = GenerateContentConfig(tools=TypeAdapter(list[Tool]).validate_python(tools))  # type: ignore[arg-type]
    answer = client.models.generate_content(model="m", contents="?", config=config)
    (call,) = answer.function_calls or []
    return model, (call.name or "", call.args or {})


CLIENTS: Mapping[str, Callable[[list[Any], str, Any], tuple[Model, Called]]] = {
    "openai": by_openai,
    "openai-responses": by_openai_responses,
    "anthropic": by_anthropic,
    "gemini": by_gemini,
}


async def greeted(größe: int = 0, tags: tuple[str, int] = ("a", 1)) -> list[Any]:  # noqa: PLC2401
    return [größe, *tags]


@pytest.mark.parametrize("url", ["/tools", "/odd/mcp/tools"])
@pytest.mark.parametrize("format_name", CLIENTS)
async def test_odd_schemas_reach_the_api_as_they_are_listed(make_app: MakeApp, format_name: str, url: str) -> None:
    async with opened(make_app(odd_schemas.server())) as http:
        tools = (await http.get(url, params={"format": format_name})).json()
        name, _, _ = next(functions(tools))
        model, called = CLIENTS[format_name](tools, name, {})
        sent = [*functions(model.tools)]
        assert sent == [*functions(tools)]
        assert len(sent) == len(odd_schemas.SCHEMAS) >= 50
        for _, description, schema in sent:
            CHECKS[format_name](schema)
            assert len(description) <= 1024 or not format_name.startswith("openai")
        answer = await http.post(url.replace("tools", "call"), json={"tool": called[0], "arguments": called[1]})
        assert answer.status_code == 200


@pytest.mark.parametrize("format_name", CLIENTS)
async def test_call_of_a_model_comes_back_as_it_was_meant(make_app: MakeApp, format_name: str) -> None:
    async with opened(make_app(server_of(greeted))) as http:
        tools = (await http.get("/tools", params={"format": format_name})).json()
        ((name, _, schema),) = functions(tools)
        size, tags = schema["properties"]
        for arguments, result in [({size: 3, tags: ["b", 2]}, [3, "b", 2]), ({}, [0, "a", 1])]:
            tool, given = CLIENTS[format_name](tools, name, arguments)[1]
            answer = await http.post("/call", json={"tool": tool, "arguments": given})
            assert answer.json() == {"result": result}


@pytest.mark.parametrize("format_name", CLIENTS)
async def test_shown_name_is_found_under_the_url_of_a_server(make_app: MakeApp, format_name: str) -> None:
    async with opened(make_app(odd_schemas.server())) as http:
        tools = (await http.get("/odd/mcp/tools", params={"format": format_name})).json()
        for own, (name, _, _) in zip(odd_schemas.SCHEMAS, functions(tools), strict=True):
            assert (await http.get(f"/odd/mcp/tools/{name}")).json()["name"] == f"{own}.tool é"
