"""The router under test in the fuzz tests, and the tools that it serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process.live.router import Router
from tests.shipped import shipped

SERVERS = Path(__file__).parent / "servers"
Tools = list[tuple[str, str, list[str]]]
"""The server, name and argument names of each tool."""


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Router]:
    """Runs a router, and checks at the end that its process is alive and has logged no error."""
    with Router(folder, MCP_SERVERS_DIR=f"{shipped()}:{SERVERS}", **settings) as router:
        yield router.await_table()
        assert router.process.poll() is None
        assert re.findall(r"(?m)^\S+ error .*", router.log()) == []


def tools_of(router: Router) -> Tools:
    listed = router.get("/tools")["tools"]
    return [(tool["server"], tool["name"], [*tool["inputSchema"]["properties"]]) for tool in listed]
