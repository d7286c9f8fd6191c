"""The table of servers that were tried has the versions that the tests of them install."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UPSTREAMS = ROOT / "tests" / "upstreams"
ROW = re.compile(r"^\| (?:a server of )?`([^`]+)` \| (\S+) \|", re.MULTILINE)
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_table_has_each_server_that_is_tried_with_its_version() -> None:
    page = (ROOT / "docs" / "upstream-servers.md").read_text(encoding="utf-8")
    table = page.partition("## Tried with")[2].partition("\n## ")[0]
    locks = [*UPSTREAMS.glob("requirements/*.lock"), ROOT / "requirements" / "makes.lock"]
    pins = {pin for lock in locks for pin in PIN.findall(lock.read_text(encoding="utf-8"))}
    tried = {pin for pin in pins if pin[0] == "fastmcp" or pin[0].startswith("mcp-server-")}
    tried |= {*json.loads((UPSTREAMS / "package.json").read_text(encoding="utf-8"))["dependencies"].items()}
    assert {*ROW.findall(table)} == tried
