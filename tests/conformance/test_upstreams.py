"""Runs the official conformance suite through the router against a server in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conformance.suite import HERE, LEGS, need_modules, passes, passes_unscored
from tests.gateway.upstream.conftest import written
from tests.process.live.router import Router

pytestmark = pytest.mark.conformance
UPSTREAMS = ["http-modern", "http-legacy", "sse-legacy", "stdio-modern", "stdio-legacy"]
"""The transport and the era of each server. A further one needs an entry in `router`, and its failures below."""

# The suite wants the name under which the tool's own result asks. A question of a server of sessions has none.
NAMED = ["input-required-result-basic-elicitation"]

# What a child process of the era of sessions, or a server of 2024, asks while several calls are in flight on it is
# refused. The suite leaves such calls waiting.
ASKING = [
    f"input-required-result-{name}"
    for name in (
        "basic-list-roots",
        "basic-sampling",
        "multi-round",
        "multiple-input-requests",
        "non-tool-request",
        "request-state",
        "result-type",
        "tampered-state",
    )
]

FAILURES: dict[tuple[str, str], list[str]] = {
    ("http-legacy", "2026-07-28"): NAMED,
    ("sse-legacy", "2026-07-28"): NAMED + ASKING,
    ("stdio-legacy", "2026-07-28"): [*NAMED, *ASKING, "input-required-result-capability-check"],
}
"""The scenarios that must fail, and no other."""


COMMAND = [sys.executable, str(HERE / "upstream.py")]


@contextmanager
def listening(transport: str) -> Iterator[str]:
    """Yields the origin of the server over this transport."""
    process = subprocess.Popen([*COMMAND, transport], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    need_modules()
    folder = tmp_path_factory.mktemp("router")
    with listening("http") as http, listening("sse") as sse:
        kinds: dict[str, dict[str, Any]] = {
            "http": {"url": f"{http}/mcp"},
            "sse": {"url": f"{sse}/sse"},
            "stdio": {"command": COMMAND[0], "args": COMMAND[1:]},
        }
        entries = {name: {**kinds[name.partition("-")[0]], "era": name.partition("-")[2]} for name in UPSTREAMS}
        file = written(folder, entries)
        with Router(folder, MCP_SERVERS_FILE=file, MCP_SERVERS_DIR=str(folder), LOG_LEVEL="warning") as router:
            yield router.await_table()
            router.end()


def url(router: Router, upstream: str) -> str:
    ends = time.monotonic() + 60
    while router.get(f"/{upstream}/mcp/health")["status"] != "ok":
        assert time.monotonic() < ends, router.log()
        time.sleep(0.1)
    return f"http://127.0.0.1:{router.port}/{upstream}/mcp"


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_every_scored_scenario_passes_through_the_router(router: Router, upstream: str, leg: str) -> None:
    passes(url(router, upstream), leg, FAILURES.get((upstream, leg), []))


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_unscored_scenarios_pass_through_the_router_too(router: Router, upstream: str, leg: str) -> None:
    passes_unscored(url(router, upstream), leg)
