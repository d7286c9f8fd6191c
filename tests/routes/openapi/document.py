"""Reads an OpenAPI document and checks answers against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

Document = dict[str, Any]


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(document: Document, value: Any) -> Any:
    """Returns the target of a reference, and any other value unchanged."""
    if isinstance(value, dict) and "$ref" in value:
        for key in value["$ref"].removeprefix("#/").split("/"):
            document = document[key]
        return document
    return value


def body_of(document: Document, path: str) -> Draft202012Validator:
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return Draft202012Validator({**content["schema"], "components": document["components"]})


def check(document: Document, answer: httpx2.Response, path: str | None = None) -> None:
    """Checks that the document describes the answer to its request."""
    path = path or answer.request.url.raw_path.decode()
    operation = document["paths"][path][answer.request.method.lower()]
    declared = operation["responses"]
    response = resolved(document, declared.get(str(answer.status_code), declared["default"]))
    if answer.status_code == 304:
        return
    content = response["content"][answer.headers["content-type"]]
    Draft202012Validator({**content["schema"], "components": document["components"]}).validate(answer.json())
