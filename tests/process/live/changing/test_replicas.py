"""A change of the followed files, at several replicas and workers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.gateway.upstream.conftest import entry, written
from tests.process.live.changing.test_following import SAYS, until
from tests.process.live.conftest import Start

pytestmark = pytest.mark.process


def test_change_of_the_files_reaches_each_replica_and_each_of_its_workers(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    module = folder / "changed_server.py"
    module.write_text(SAYS.format(number=0))
    settings = {"MCP_SERVERS_DIR": str(folder), "MCP_SERVERS_FILE": written(tmp_path, {}), "MCP_FOLLOW": "1"}
    replicas = [start(**settings).await_table(), start(**settings, WORKERS="2").await_table()]

    def answers(number: int, far: int) -> bool:
        """Returns True if so many calls that some have come to each worker are answered alike."""
        says = {router.call("changed", "say")[1].get("result") for router in replicas for _ in range(12)}
        codes = {router.call("far", "add_tool", a=1, b=2)[0] for router in replicas for _ in range(12)}
        return (says, codes) == ({number}, {far})

    until(replicas[0], lambda: answers(0, 404))
    for number, far in ((1, 200), (2, 404)):
        began = time.monotonic()
        module.write_text(SAYS.format(number=number))
        written(tmp_path, {"far": entry()} if far == 200 else {})
        until(replicas[0], lambda: answers(number, far))  # noqa: B023
        print(f"seen everywhere after {time.monotonic() - began:.1f} s, with the calls that look for it")
