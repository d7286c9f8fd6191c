"""Pinned tools behind a real router of several workers, which share the file of pins."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gateway.upstream.conftest import entry
from tests.process.live.router import ROOT
from tests.process.upstream.test_lives import call, started

pytestmark = pytest.mark.process


def test_workers_share_the_pins_and_follow_an_approval(tmp_path: Path) -> None:
    pins = tmp_path / "pins.json"
    settings = {"WORKERS": "2", "MCP_PINS_FILE": str(pins)}
    with started(tmp_path, {"one": entry(pin="block")}, **settings) as router:
        router.await_workers(2)
        assert len({call(router, "one", "pid") for _ in range(60)}) == 2
    with started(tmp_path, {"one": entry("changed", pin="block")}, **settings) as router:
        router.await_workers(2)
        ends = time.monotonic() + 20
        while not json.loads(pins.read_text())["servers"]["one"]["pending"]:
            assert time.monotonic() < ends
        while (found := router.call("one", "add", a=1, b=2)[0]) != 403:
            assert (found, time.monotonic() < ends) == (503, True)
        command = [sys.executable, "-m", "gateway.upstream", "approve", "one", "--yes", "--file", str(pins)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
        in_a_row = 0
        while in_a_row < 40:  # both workers
            in_a_row = in_a_row + 1 if router.call("one", "add", a=1, b=2)[0] == 200 else 0
            assert time.monotonic() < ends
