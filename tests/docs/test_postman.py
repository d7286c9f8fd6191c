"""Runs the Postman collection of docs/ with newman against a router process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.process.live.router import ROOT, Router
from tests.shipped import shipped

COLLECTION = ROOT / "docs" / "postman_collection.json"
PROGRAMS = ROOT / "tests" / "conformance" / "node_modules" / ".bin"


def requests() -> list[dict[str, Any]]:
    return [request for folder in json.loads(COLLECTION.read_text())["item"] for request in folder["item"]]


@pytest.mark.node
def test_every_request_of_the_collection_passes_its_assertions(tmp_path: Path) -> None:
    newman = PROGRAMS / "newman"
    assert newman.exists(), "newman is not installed; run `make node_modules` first"
    report = tmp_path / "report.json"
    environ = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}

    with Router(tmp_path, MCP_SERVERS_DIR=shipped()) as router:
        base_url = f"http://127.0.0.1:{router.await_table().port}"
        command: list[str | Path] = [newman, "run", COLLECTION, "--env-var", f"base_url={base_url}", "--color", "off"]
        command += ["--reporters", "cli,json", "--reporter-json-export", report]
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = json.loads(report.read_text())["run"]
    assert len(run["executions"]) == len(requests())
    assert all(execution["assertions"] for execution in run["executions"])


def test_every_request_uses_the_base_url_whose_default_is_the_router() -> None:
    assert all(request["request"]["url"]["raw"].startswith("{{base_url}}/") for request in requests())
    variables = {variable["key"]: variable["value"] for variable in json.loads(COLLECTION.read_text())["variable"]}
    assert variables["base_url"] == "http://localhost:8000"
