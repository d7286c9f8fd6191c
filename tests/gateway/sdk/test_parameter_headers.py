"""The headers of a native call that repeat its arguments: `Mcp-Param-*`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from gateway.sdk.parameter_headers import HeaderSchemas
from tests import wire
from tests.conftest import MakeApp, server_of
from tests.gateway.upstream.http.conftest import sdk_server
from tests.transport import opened

PLAIN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
DECLARED: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "A"}}}
INVALID: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "object", "x-mcp-header": "A"}}}
MISMATCH = -32020


async def where(place: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Place"})]) -> str:
    return place


def test_schema_is_returned_if_it_declares_a_header() -> None:
    tools = {"plain": PLAIN, "declared": DECLARED, "invalid": INVALID}
    schemas = HeaderSchemas(tools.get)
    for _ in range(2):
        assert schemas("declared") is DECLARED
        assert [schemas(name) for name in ("plain", "invalid", "unknown")] == [None, None, None]


def test_changed_schema_is_looked_at_again() -> None:
    tools = {"tool": PLAIN}
    schemas = HeaderSchemas(tools.get)
    assert schemas("tool") is None
    tools["tool"] = DECLARED
    assert schemas("tool") is DECLARED
    tools["tool"] = PLAIN
    assert schemas("tool") is None


@pytest.mark.anyio
@pytest.mark.slow
async def test_header_that_contradicts_its_argument_is_refused_on_every_way_in(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with sdk_server() as url:
        (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"far": {"url": url}}}))
        file = str(tmp_path / "mcp.json")
        app = make_app(server_of(where, name="near"), servers=("near", "far"), servers_file=file)
        async with opened(app) as http:
            assert (await http.post("/far/mcp/call", json={"tool": "where", "arguments": {"place": "x"}})).is_success
            for path, tool in {"/near/mcp": "where", "/far/mcp": "where", "/mcp": "near_where"}.items():
                headers, body = wire.modern("tools/call", name=tool, arguments={"place": "here"})
                right = await http.post(path, json=body, headers={**headers, "mcp-param-place": "here"})
                wrong = await http.post(path, json=body, headers={**headers, "mcp-param-place": "there"})
                missing = await http.post(path, json=body, headers=headers)
                assert right.json()["result"]["content"][0]["text"] == "here", path
                assert [refused.json()["error"]["code"] for refused in (wrong, missing)] == [MISMATCH] * 2, path
