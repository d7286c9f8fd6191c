"""Runs the official conformance suite through a router in front of two routers, each with `SERVERS=everything`."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.suite import HERE, LEGS, need_modules, passes, passes_unscored
from tests.conformance.test_upstreams import ASKING, NAMED, url
from tests.gateway.upstream.conftest import written
from tests.process.live.router import Router

pytestmark = pytest.mark.conformance
ERAS = ["modern", "legacy"]
"""The protocol that the front speaks with each of the routers behind it."""

FAILURES = {("legacy", "2026-07-28"): [*NAMED, *ASKING, "input-required-result-capability-check"]}
"""The scenarios that must fail, and no other.

The tools of this server ask by their results alone, which a session cannot carry. So `auto`, the default, speaks the
protocol without sessions with another router.
"""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    need_modules()
    with ExitStack() as stack:

        def started(**settings: str) -> Router:
            folder = tmp_path_factory.mktemp("router")
            return stack.enter_context(Router(folder, LOG_LEVEL="warning", **settings)).await_table()

        apart = {era: started(SERVERS="everything", MCP_SERVERS_DIR=str(HERE / "servers")) for era in ERAS}
        folder = tmp_path_factory.mktemp("front")
        entries = {
            era: {"url": f"http://127.0.0.1:{router.port}/everything/mcp", "era": era} for era, router in apart.items()
        }
        front = started(MCP_SERVERS_FILE=written(folder, entries), MCP_SERVERS_DIR=str(folder))
        yield front
        for router in (front, *apart.values()):
            router.end()


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("era", ERAS)
def test_every_scored_scenario_passes_through_two_routers(front: Router, era: str, leg: str) -> None:
    passes(url(front, era), leg, FAILURES.get((era, leg), []))


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("era", ERAS)
def test_unscored_scenarios_pass_through_two_routers_too(front: Router, era: str, leg: str) -> None:
    passes_unscored(url(front, era), leg)
