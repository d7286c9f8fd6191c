"""Schemathesis reads `/openapi.json` of a real process, and sends valid and invalid requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.serving import serving

RUN_SECONDS = 50
# A tool converts what it can ("1" to 1), which its published schema does not promise, and it may refuse what fits.
EXCLUDED = "positive_data_acceptance,negative_data_rejection"
CHECKS = ["--checks", "all", "--exclude-checks", EXCLUDED, "--continue-on-failure"]


@pytest.mark.fuzz
def test_schemathesis_finds_no_failure(tmp_path: Path) -> None:
    # Calls that ask for input end soon, so that they do not fill the router, which would answer 503.
    with serving(tmp_path, MCP_INPUT_TIMEOUT="1") as router:
        url = f"http://127.0.0.1:{router.port}/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, *CHECKS, "--max-time", str(RUN_SECONDS)]
        run = subprocess.run(
            [*command, "--max-examples", "20", "--no-color"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=4 * RUN_SECONDS,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
