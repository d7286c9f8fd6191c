"""Samples of calls: those in the documents are answered, and those of any schema are valid and small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

from routes.openapi.samples import sample_arguments
from tests.conftest import MakeApp
from tests.routes.openapi.document import operations
from tests.shipped import shipped
from tests.transport import opened

pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parents[2]
FOLDERS = (shipped(), *(str(TESTS / name / "servers") for name in ("contract", "fuzz", "conformance")))


def nothing() -> None: ...


def sample_of(document: dict[str, Any], path: str) -> Any:
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"].get("example")


def whole(schema: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Returns the schema of arguments of which `x` is required."""
    return {"type": "object", "properties": {"x": schema, "optional": {"type": "string"}}, "required": ["x"], **others}


@pytest.mark.slow
async def test_every_sample_of_the_document_is_accepted(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=FOLDERS, call_timeout=0.2)) as client:
        document = (await client.get("/openapi.json")).json()
        samples = {path: sample_of(document, path) for path, method, _ in operations(document) if method == "post"}
        assert [path for path, sample in samples.items() if sample is None] == []
        refused = {}
        for path, sample in samples.items():
            answer = await client.post(path, json=sample)
            if answer.status_code in (400, 404) or answer.json().get("type") == "urn:multi-mcp:error:invalid-arguments":
                refused[path] = answer.text
    assert len(samples) > 140
    assert refused == {}


@pytest.mark.slow
async def test_sample_of_the_math_tool_is_that_of_the_readme(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(shipped(),))) as client:
        document = (await client.get("/openapi.json")).json()
        assert sample_of(document, "/math/mcp/tools/add_tool") == {"a": 10, "b": 32}
        calls = [sample_of(document, path) for path in ("/math/mcp/call", "/call")]
        of_server = (await client.get("/math/openapi.json")).json()
    assert calls == [
        {"tool": "add_tool", "arguments": {"a": 10, "b": 32}},
        {"server": "echo", "tool": "echo_tool", "arguments": {"message": "hello"}},
    ]
    assert sample_of(of_server, "/mcp/tools/add_tool") == {"a": 10, "b": 32}


async def test_tool_without_a_valid_sample_has_none(make_app: MakeApp) -> None:
    tool = Tool.from_function(nothing).model_copy(update={"parameters": whole({"not": {}})})
    async with opened(make_app(MCPServer("one", tools=[tool]))) as client:
        document = (await client.get("/openapi.json")).json()
    assert [sample_of(document, path) for path in document["paths"] if "/tools/" in path] == [None]
    assert [sample_of(document, path) for path in ("/one/mcp/call", "/call")] == [None, None]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": -(10**18), "maximum": 10**18}, 10),
        ({"type": "integer", "minimum": 12}, 12),
        ({"type": "integer", "maximum": -5}, -5),
        ({"type": "integer", "exclusiveMinimum": 100}, 101),
        ({"type": "integer", "multipleOf": 7, "minimum": 20}, 21),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "examples": [36.6], "default": 1}, 36.6),
        ({"type": "string", "default": "usual"}, "usual"),
        ({"type": "string", "examples": ["Berlin"]}, "Berlin"),
        ({"type": "string", "examples": [5]}, "hello"),
        ({"type": "string", "minLength": 8}, "helloooo"),
        ({"type": "string", "maxLength": 2}, "he"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "EUR"),
        ({"type": "string", "pattern": "^[0-9]{5}$"}, "11111"),
        ({"type": "string", "format": "date"}, "2026-07-28"),
        ({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "integer"}}, "10"),
        ({"enum": ["red", "green"]}, "red"),
        ({"const": 5}, 5),
        ({"type": ["null", "boolean"]}, True),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, "hello"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 10),
        ({"allOf": [{"type": "integer"}, {"minimum": 50}]}, 50),
        ({"type": "array", "items": {"type": "integer"}}, [10]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [10, 32, 3]),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, ["hello", 10]),
        ({"type": "array"}, []),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {}),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}, {"key1": 10}),
        ({"type": "object", "properties": {"y": {"type": "boolean"}}, "minProperties": 1}, {"y": True}),
        ({"properties": {"y": {"type": "boolean"}}, "required": ["y"]}, {"y": True}),
        ({"$ref": "#/$defs/Tree"}, {"label": "hello", "children": []}),
        ({}, "hello"),
    ],
)
def test_value_is_valid_and_small(schema: dict[str, Any], value: Any) -> None:
    tree = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label", "children"]}
    tree["properties"]["children"] = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}  # type: ignore[index]
    arguments = whole(schema, **{"$defs": {"Tree": tree}})
    assert sample_arguments(arguments) == {"x": value}
    Draft202012Validator(arguments).validate({"x": value})


def nested(depth: int) -> dict[str, Any]:
    """Returns a schema that no value matches, and that has 3 ** `depth` ways to find that out."""
    return {"anyOf": [nested(depth - 1) for _ in range(3)]} if depth else {"type": "string", "not": {}}


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {}},
        {"type": "string", "pattern": "^no such text$"},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "^(o+)+x$", "minLength": 150},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "items": {"type": "string"}, "minItems": 10**9},
        {"type": "object", "minProperties": 10**9},
        {"type": "unknown"},
        {"type": 5},
        {"properties": []},
        {"required": 3},
        {"anyOf": 3},
        {"$ref": "#/$defs/none"},
        {"$ref": "http://127.0.0.1:1/elsewhere"},
        {"$ref": "#/properties/x"},
        nested(8),
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_schema_without_a_valid_value_has_no_sample(schema: dict[str, Any]) -> None:
    assert sample_arguments(whole(schema)) is None


@pytest.mark.parametrize("schema", [True, False, None, {"type": "string"}, [], {"$ref": "#"}])
def test_schema_of_anything_but_an_object_has_no_sample(schema: Any) -> None:
    assert sample_arguments(schema) is None


def test_example_of_all_arguments_comes_first() -> None:
    assert sample_arguments(whole({"type": "integer"}, examples=[{"x": 1, "optional": "a"}])) == {
        "x": 1,
        "optional": "a",
    }
