"""Runs the audits of GraphQL over HTTP, and GraphQL's reference implementation, against a router process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.suite import HERE, need_modules
from tests.process.live.router import Router

pytestmark = pytest.mark.conformance
SERVERS = HERE.parent
OFF = {"5A70", "D6D5", "6A70"}
"""Audits of `GET` with a document, which is for persisted ones alone here; each is optional."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    need_modules()
    folders = f"{SERVERS / 'contract' / 'servers'}:{SERVERS / 'fuzz' / 'servers'}"
    folder: Path = tmp_path_factory.mktemp("router")
    with Router(folder, MCP_SERVERS_DIR=folders, MCP_GRAPHQL="/graphql", LOG_LEVEL="warning") as router:
        url = f"http://127.0.0.1:{router.await_table().port}/graphql"
        command = ["node", str(HERE / "graphql_audits.mjs"), url]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_audits_of_graphql_over_http_pass(report: dict[str, Any]) -> None:
    assert len(report["audits"]) > 50
    failed = {audit["id"]: audit for audit in report["audits"] if audit["status"] != "ok"}
    assert failed.keys() == OFF, failed


def test_schema_of_every_contract_server_is_valid_for_the_reference_implementation(report: dict[str, Any]) -> None:
    assert report["errors"] == []
    assert report["types"] > 50
