"""A server of the SDK in a process of its own, for the tests that only call it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.shipped import ROOT


@contextmanager
def sdk_server(port: int = 0, module: str = "tests.gateway.upstream.http.sdk_server") -> Iterator[str]:
    """Yields the URL of a new server process."""
    command = [sys.executable, "-m", module, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def sdk_url() -> Iterator[str]:
    with sdk_server() as url:
        yield url
