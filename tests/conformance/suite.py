"""The official conformance suite, one leg after the other."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NODE_MODULES = HERE / "node_modules"
LEGS = ["2025-11-25", "2026-07-28"]

# The suite runs these without scoring them. It does not score the tasks extension either, which the SDK lacks.
UNSCORED = {
    "2025-11-25": "server-session-lifecycle,json-schema-2020-12,server-sse-polling",
    "2026-07-28": "http-header-validation,http-custom-header-server-validation,json-schema-2020-12",
}


def need_modules() -> None:
    if not NODE_MODULES.is_dir():
        pytest.fail("tests/conformance/node_modules is missing. Run `make node_modules` first.")


def conformance(url: str, leg: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs one leg of the suite. Its summary is shown if the test fails."""
    command = [sys.executable, str(HERE / "run.py"), "--url", url, "--leg", leg, *options]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    print(completed.stdout, completed.stderr)
    return completed


def passes(url: str, leg: str, failures: Iterable[str] = ()) -> None:
    """Checks that each scored scenario passes, but exactly these fail."""
    assert conformance(url, leg, "--expect-failures", ",".join(failures)).returncode == 0


def passes_unscored(url: str, leg: str) -> None:
    """Checks that the scenarios pass, without a warning, that the suite runs without scoring them."""
    completed = conformance(url, leg, "--only", UNSCORED[leg])
    assert completed.returncode == 0
    assert " 0 warnings" in completed.stdout
