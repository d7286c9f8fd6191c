"""Validates the OpenAPI document of tools of every kind. The validator is slow, so this is not in the fast suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.conftest import MakeApp
from tests.shipped import shipped
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.fuzz]
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["", "/odd", "/kinds", "/everything"])
async def test_openapi_document_is_valid_for_tools_of_every_kind(make_app: MakeApp, name: str) -> None:
    folders = [str(TESTS / folder / "servers") for folder in ("fuzz", "contract", "conformance")]
    async with opened(make_app(servers_dir=(shipped(), *folders))) as client:
        answer = await client.get(f"{name}/openapi.json")
    assert [error.message for error in OpenAPIV31SpecValidator(answer.json()).iter_errors()] == []
