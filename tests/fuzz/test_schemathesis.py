"""Schemathesis reads `/openapi.json` of a real process and sends what the document allows, and what it does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.live.router import Router
from tests.shipped import shipped

SECONDS = 50
SERVERS = Path(__file__).parent / "servers"
CHECKS = ["--checks", "all", "--exclude-checks", "positive_data_acceptance", "--continue-on-failure"]


@pytest.mark.fuzz
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    # What asks for input is given up soon, so that no crowd of calls waits for answers: that would be 503.
    with Router(tmp_path, MCP_SERVERS_DIR=f"{shipped()}:{SERVERS}", MCP_INPUT_TIMEOUT="1") as router:
        url = f"http://127.0.0.1:{router.await_table().port}/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, *CHECKS, "--max-time", str(SECONDS)]
        run = subprocess.run(
            [*command, "--max-examples", "20", "--no-color"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=4 * SECONDS,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert router.process.poll() is None
    assert re.findall(r"(?m)^\S+ error .*", router.log()) == []
