"""Schemas in the vendors' formats keep each vendor's documented rules, and the sense of what it does not read."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.routes.vendors.odd_schemas import SCHEMAS, server
from tests.routes.vendors.rules import CHECKS, functions
from tests.transport import opened

pytestmark = pytest.mark.anyio
NOTES = 'pattern: "^ä[a-z]+$"\nminLength: 1\nmaxLength: 9\nexamples: ["äb"]'
MAP = {"type": "object", "additionalProperties": {"type": "integer"}}
ENUM_CAT = {
    "type": "object",
    "properties": {"kind": {"enum": ["cat"]}, "lives": {"type": "integer"}},
    "required": ["kind", "lives"],
}


async def formatted(make_app: MakeApp, format_name: str, mcp: MCPServer[Any] | None = None) -> dict[str, Any]:
    """Returns the schema of each tool in a vendor's format, by its name in `SCHEMAS`."""
    async with opened(make_app(mcp or server())) as client:
        answer = await client.get("/odd/mcp/tools", params={"format": format_name})
    assert answer.status_code == 200
    found = [schema for _, _, schema in functions(answer.json())]
    return dict(zip(SCHEMAS, found, strict=True))


@pytest.mark.parametrize("format_name", CHECKS)
@pytest.mark.slow
async def test_odd_schemas_keep_the_rules_of_the_vendor(make_app: MakeApp, format_name: str) -> None:
    schemas = await formatted(make_app, format_name)
    assert len(schemas) >= 50
    for schema in schemas.values():
        CHECKS[format_name](schema)


async def test_tuple_has_items_for_openai_and_stays_a_tuple(make_app: MakeApp) -> None:
    found = await formatted(make_app, "openai")
    both = [{"type": "integer"}, {"type": "string"}]
    ends = {"type": "array", "prefixItems": both, "items": {"anyOf": both}, "maxItems": 2}
    assert found["x-tuple"]["properties"]["x"] == {**ends, "minItems": 2}
    assert found["x-tuple-closed"]["properties"]["x"] == found["x-tuple-of-draft-7"]["properties"]["x"] == ends
    assert found["x-tuple-open"]["properties"]["x"]["items"] == {}
    assert found["x-tuple-with-rest"]["properties"]["x"]["items"] == {"type": "string"}


@pytest.mark.slow
async def test_descriptions_for_openai_are_cut_at_1024_characters(make_app: MakeApp) -> None:
    async with opened(make_app(server())) as client:
        tools = (await client.get("/odd/mcp/tools?format=openai")).json()
    texts = {name.partition("_tool")[0]: text for name, text, _ in functions(tools)}
    assert texts["root-any-of"] == "ä" * 1023 + "…"
    assert texts["root-all-of"] == "root-all-of"
    assert "root-empty" in texts
    assert texts["root-empty"] == ""
    cut = (await formatted(make_app, "openai"))["x-long-description"]["properties"]["x"]["description"]
    assert (len(cut) <= 1024, cut[-1]) == (True, "…")


@pytest.mark.parametrize("format_name", CHECKS)
async def test_union_at_the_root_becomes_one_object(make_app: MakeApp, format_name: str) -> None:
    found = (await formatted(make_app, format_name))["root-any-of"]
    assert [*found["properties"]] == ["kind", "lives", "good"]
    assert len(found["properties"]["kind"]["anyOf"]) == 2
    assert found["required"] == ["kind"]
    assert found["description"] == "One of these sets of arguments: kind, lives; or kind."


@pytest.mark.parametrize("format_name", CHECKS)
async def test_reference_at_the_root_is_followed(make_app: MakeApp, format_name: str) -> None:
    found = await formatted(make_app, format_name)
    assert found["root-reference"]["required"] == ["kind", "lives"]
    assert found["root-all-of"]["required"] == ["kind", "lives"]
    assert found["root-reference-to-itself"]["properties"] == {}


async def test_other_names_for_anthropic_are_required_too(make_app: MakeApp) -> None:
    found = (await formatted(make_app, "anthropic"))["other-names"]
    assert found["required"] == [*found["properties"]]
    assert [part.get("description", "") for part in found["properties"].values()][:4] == [
        'name: "größe"',
        'name: "a b"',
        'name: "@type"',
        "",
    ]
    assert {"per-page", "x.y"} <= found["properties"].keys()


@pytest.mark.slow
async def test_safe_name_is_never_that_of_another_argument(make_app: MakeApp) -> None:
    for format_name in ("anthropic", "gemini"):
        found = (await formatted(make_app, format_name))["other-names-that-meet"]
        assert len(found["properties"]) == len({*found["required"]}) == 4


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("pattern", {"type": "string", "description": NOTES}),
        ("enum-of-one", {"enum": ["only"]}),
        ("const-null", {"description": "const: null"}),
        ("enum-of-mixed", {"description": 'enum: ["a", 1, null, true]'}),
        ("map", {"description": 'propertyNames: {"pattern": "^a"}\nminProperties: 1', **MAP}),
        ("duration", {"type": "string", "format": "duration", "description": 'default: "PT1H"'}),
        ("all-of-one", {"description": "A cat.", "anyOf": [ENUM_CAT]}),
    ],
)
async def test_keyword_that_gemini_does_not_read_is_told(make_app: MakeApp, name: str, part: Any) -> None:
    assert (await formatted(make_app, "gemini"))[f"x-{name}"]["properties"]["x"] == part


async def test_text_beside_a_reference_stays_for_gemini(make_app: MakeApp) -> None:
    found = (await formatted(make_app, "gemini"))["reference-and-more"]["properties"]["x"]
    assert found == {"description": "Mine.\ndefault: {}", "anyOf": [{"$ref": "#/$defs/Cat"}]}


async def test_property_that_leads_back_to_its_definition_is_optional_for_gemini(make_app: MakeApp) -> None:
    found = await formatted(make_app, "gemini")
    node = found["recursive-and-required"]["$defs"]["Node"]
    assert node["required"] == ["label"]
    assert node["properties"]["next"] == {"description": "Required.", "anyOf": [{"$ref": "#/$defs/Node"}]}
    assert found["recursive"]["required"] == ["x"]


async def test_definitions_of_earlier_drafts_are_found(make_app: MakeApp) -> None:
    found = (await formatted(make_app, "gemini"))["reference-of-draft-7"]
    assert found["properties"]["x"] == {"$ref": "#/$defs/Cat"}
    assert [*found["$defs"]] == ["Cat"]
