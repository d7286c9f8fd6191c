"""Errors and shared components of the OpenAPI document."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from routes.errors import TABLE
from routes.openapi.components import SCHEMAS, answers, responses


def test_every_error_of_the_table_is_described() -> None:
    shared = responses()
    for slug, (status, title) in TABLE.items():
        response = shared[str(status)]
        schema = response["content"]["application/problem+json"]["schema"]
        assert f"`{slug}`: {title}" in response["description"]
        assert f"urn:multi-mcp:error:{slug}" in schema["allOf"][1]["properties"]["type"]["enum"]


def test_examples_of_errors_match_their_schema() -> None:
    for status, response in responses().items():
        for content in response.get("content", {}).values():
            if "example" in content:
                schema = {**content["schema"], "components": {"schemas": SCHEMAS}}
                Draft202012Validator(schema).validate(content["example"])
                assert str(content["example"]["status"]) == status


def test_errors_with_the_same_status_share_one_response() -> None:
    assert answers("202", slugs=("tool-error", "invalid-arguments")) == {
        "202": {"$ref": "#/components/responses/202"},
        "422": {"$ref": "#/components/responses/422"},
    }
