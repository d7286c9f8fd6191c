"""Versions of a tool over GraphQL: a request asks for one by its header."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.keys import bearer
from tests.matrix import versioned
from tests.matrix.target import Target
from tests.matrix.ways import VERSION, graphql
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def test_header_chooses_the_version_and_scopes_hold_for_it(make_app: MakeApp, tmp_path: Path) -> None:
    server: MCPServer[None] = MCPServer("one")
    versioned.search(server)
    app = make_app(server, graphql=GRAPHQL, **versioned.scoped(tmp_path))

    async def which(key: str, pin: str = "") -> str:
        headers = bearer(versioned.KEYS[key]) | ({VERSION: pin} if pin else {})
        outcome = await graphql(Target(app, http), "search", {}, headers)
        return str(outcome.value).partition(" ")[0] if outcome.slug == "ok" else outcome.slug

    async with opened(app) as http:
        assert [await which("all", pin) for pin in ("", "1", "9", "0.9", "newest")] == [
            *("2.1.0", "1.10.0", "unknown-version", "retired", "invalid-request")
        ]
        assert [await which("first", pin) for pin in ("", "1.9", "2", "9")] == ["1.10.0", "1.9.0", *["forbidden"] * 2]
        assert [await which("pinned"), await which("gone")] == ["1.9.0", "retired"]
