"""`GET /metrics`: in which format, on which port, and for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

import pytest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from routes.metrics import Metrics
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.telemetry.scrape import Scrape
from tests.routes.counted import Counted
from tests.routes.raw import ask
from tests.transport import opened

pytestmark = pytest.mark.anyio
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""What Prometheus itself sends."""


async def add(a: int, b: int) -> int:
    return a + b


class Slow(Collector):
    """Is not done before it is let, and notes how many are made at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = 0
        self.at_once = 0
        self.most = 0
        self.threads: set[int] = set()

    def collect(self) -> Iterable[Metric]:
        self.begun += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.threads.add(threading.get_ident())
        self.go.wait(10)
        self.at_once -= 1
        return [GaugeMetricFamily("some", "Some", value=1)]


class Starting(Collector):
    """The file of a worker that was made at this moment."""

    def collect(self) -> Iterable[Metric]:
        raise FileNotFoundError


def refused(reason: str) -> None: ...


@pytest.mark.parametrize(
    ("accept", "is_openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/json", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        (PROMETHEUS, True),
        ("application/openmetrics-text;q=0.1, text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x;version=x", False),
        ("APPLICATION/OPENMETRICS-TEXT;Q=0.5", True),
        (";;,,q=1;=", False),
    ],
)
async def test_the_format_is_the_one_that_is_asked_for_and_a_scrape_parses_it(
    make_app: MakeApp, accept: str, is_openmetrics: bool
) -> None:
    async with opened(make_app(server_of(add), metrics="/metrics")) as client:
        await post(client, "add", {"a": 1, "b": 2})
        answer = await client.get("/metrics", headers={"accept": accept})
    kind = "application/openmetrics-text; version=1.0.0" if is_openmetrics else "text/plain; version=0.0.4"
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    scrape = Scrape.of_openmetrics(answer.text) if is_openmetrics else Scrape.of_text(answer.text)
    assert scrape.value("mcp_tool_calls_total", server="one", tool="add", via="call", outcome="ok") == 1
    assert answer.text.endswith("# EOF\n") is is_openmetrics


async def test_it_is_read_and_nothing_else(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), metrics="/metrics")) as client:
        head = await client.head("/metrics")
        assert (head.status_code, head.headers["content-type"][:10]) == (200, "text/plain")
        for method in ("POST", "PUT", "DELETE"):
            answer = await client.request(method, "/metrics")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            assert answer.json()["type"] == "urn:multi-mcp:error:method-not-allowed"


async def test_what_is_off_is_not_there(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add))) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_the_path_is_the_one_that_is_set(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), metrics="/internal/metrics")) as client:
        assert (await client.get("/internal/metrics")).status_code == 200
        assert (await client.get("/metrics")).status_code == 404


async def test_a_host_that_is_not_ours_does_not_read_it(make_app: MakeApp) -> None:
    for settings in ({}, {"metrics_open": True}):
        async with opened(make_app(server_of(add), metrics="/metrics", **settings)) as client:
            assert (await client.get("/metrics", headers={"host": "evil.com"})).status_code == 421


async def test_calls_do_not_wait_while_it_is_made_and_only_one_is_made_at_a_time() -> None:
    slow = Slow()
    counted = Counted(slow)
    metrics = Metrics(counted, refused)
    scrapes = [asyncio.create_task(ask(metrics, "GET", "/metrics")) for _ in range(5)]
    while not slow.begun:
        await asyncio.sleep(0)  # the loop runs on meanwhile, which is what this is about
    slow.go.set()
    assert [scrape.status for scrape in await asyncio.gather(*scrapes)] == [200] * 5
    assert slow.most == 1
    assert set(counted.looks) == {threading.get_ident()}
    assert threading.get_ident() not in slow.threads


async def test_a_worker_that_starts_at_this_moment_is_not_a_failure() -> None:
    answer = await ask(Metrics(Counted(Starting()), refused), "GET", "/metrics")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.document["type"] == "urn:multi-mcp:error:unavailable"
