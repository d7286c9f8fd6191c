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


async def formatted(make_app: MakeApp, format_name: str, mcp: MCPServer[Any] | None = None) -> dict[str, Any]:
    """Returns the schema of each tool in a vendor's format, by its name in `SCHEMAS`."""
    async with opened(make_app(mcp or server())) as client:
        answer = await client.get("/odd/mcp/tools", params={"format": format_name})
    assert answer.status_code == 200
    found = [schema for _, _, schema in functions(answer.json())]
    return dict(zip(SCHEMAS, found, strict=True))


@pytest.mark.parametrize("format_name", CHECKS)
async def test_odd_schemas_keep_the_rules_of_the_vendor(make_app: MakeApp, format_name: str) -> None:
    schemas = await formatted(make_app, format_name)
    assert len(schemas) >= 50
    for schema in schemas.values():
        CHECKS[format_name](schema)
