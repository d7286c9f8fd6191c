from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.live.router import Router

CONTRACT = Path(__file__).parents[1] / "contract" / "servers"
ODD = Path(__file__).parents[1] / "fuzz" / "servers"


@pytest.fixture(scope="package")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Serves the contract servers and the odd ones from a process of its own."""
    folder = tmp_path_factory.mktemp("router")
    with Router(folder, MCP_SERVERS_DIR=f"{CONTRACT}:{ODD}") as router:
        yield router.await_table()
