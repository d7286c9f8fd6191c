"""`make dev`: uvicorn starts the application again when a server's file changes, also when it is broken in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.live.conftest import Start
from tests.process.live.router import Router
from tests.process.live.test_start import FAILING_START

pytestmark = pytest.mark.process

SERVER = "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('broken')\n"


def refusal(router: Router) -> tuple[int, str]:
    with router.sent("GET", "/broken/mcp/tools") as answer:
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def broken(:", "broken_server.py:1: SyntaxError"),
        (FAILING_START, "server 'broken' does not start: OSError: no database"),
    ],
)
def test_broken_file_answers_each_request_until_it_is_mended(
    start: Start, tmp_path: Path, source: str, reason: str
) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    (folder / "broken_server.py").write_text(source)
    port = free_port()
    options = (
        "-m",
        "uvicorn",
        "app:app",
        "--reload",
        "--no-access-log",
        "--reload-dir",
        str(folder),
        "--port",
        str(port),
    )
    router = start(*options, MCP_SERVERS_DIR=str(folder))
    router.await_answer(port)
    status, text = refusal(router)
    assert status == 503
    assert reason in text
    with router.sent("GET", "/health", {"host": "evil.com"}) as answer:
        assert answer.status == 421
    (folder / "broken_server.py").write_text(SERVER)
    router.await_table()
    assert router.table[1].split() == ["broken", "-", f"http://127.0.0.1:{port}/broken/mcp"]
    assert refusal(router)[0] == 200
    assert router.log().count(reason) == 1
    assert "Traceback" not in router.log()
