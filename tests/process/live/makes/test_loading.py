"""Files that define a FastMCP 4, as the router loads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.live.makes.conftest import SERVERS, Router

pytestmark = pytest.mark.process


def test_server_with_its_own_authorization_is_refused(tmp_path: Path) -> None:
    source = "from fastmcp import FastMCP\nfrom fastmcp.server.auth.providers.jwt import StaticTokenVerifier\n"
    path = tmp_path / "one_server.py"
    path.write_text(source + "mcp = FastMCP('one', auth=StaticTokenVerifier(tokens={'a': {'client_id': 'b'}}))\n")
    with Router(tmp_path, MCP_SERVERS_DIR=str(tmp_path)) as refused:
        assert refused.finished() == 1
    assert f"{path}: `mcp` has its own `auth`, which this router would not apply; remove it" in refused.log()


def test_file_that_runs_itself_is_served_by_every_worker(tmp_path: Path) -> None:
    with Router(tmp_path, MCP_SERVERS_DIR=SERVERS, WORKERS="2") as served:
        served.await_table()
        for _ in range(4):
            assert served.call("one", "add", a=1, b=2) == (200, {"result": 3})
        assert served.log().count("it runs its server itself, which is ignored") == 1
