"""Errors and shared components of the OpenAPI document."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from routes.errors import TABLE
from routes.openapi.components import SCHEMAS, responses


def test_every_error_of_the_table_is_described_once() -> None:
    problem = responses()["Problem"]
    for slug, (status, title) in TABLE.items():
        assert problem["description"].count(f"| {status} | `{slug}` | {title} |") == 1
    assert problem["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_example_of_an_error_is_a_row_of_the_table() -> None:
    example = responses()["Problem"]["content"]["application/problem+json"]["example"]
    Draft202012Validator(SCHEMAS["Problem"]).validate(example)
    assert TABLE[example["type"].rpartition(":")[2]] == (example["status"], example["title"])
