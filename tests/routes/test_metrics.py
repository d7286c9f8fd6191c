"""`GET /metrics`: its formats, its methods, its path, and the thread in which a scrape is made."""

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
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""The `Accept` header of Prometheus."""


async def add(a: int, b: int) -> int:
    return a + b


class Slow(Collector):
    """Waits for `go` and records how many scrapes run at the same time."""

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
    """Fails like the metrics file of a worker that is just starting."""

    def collect(self) -> Iterable[Metric]:
        raise FileNotFoundError


def refused(reason: str) -> None: ...


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=", TEXT),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("application/json", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; charset=utf-8", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0", f"{OPENMETRICS}; escaping=underscores"),
        (PROMETHEUS, f"{OPENMETRICS}; escaping=allow-utf-8"),
        ("application/openmetrics-text;version=x", TEXT),
        ("application/openmetrics-text;version=1.é", TEXT),
        ("APPLICATION/OPENMETRICS-TEXT;Q=0.5", OPENMETRICS),
        (";;,,q=1;=", TEXT),
    ],
)
async def test_openmetrics_is_served_only_if_asked_for_and_each_format_parses(
    make_app: MakeApp, accept: str, content_type: str
) -> None:
    async with opened(make_app(server_of(add), metrics="/metrics")) as client:
        await post(client, "add", {"a": 1, "b": 2})
        answer = await client.get("/metrics", headers={b"accept": accept.encode("latin-1")})
    assert answer.headers["content-type"] == content_type
    is_openmetrics = content_type.startswith(OPENMETRICS)
    scrape = Scrape.of_openmetrics(answer.text) if is_openmetrics else Scrape.of_text(answer.text)
    assert scrape.value("mcp_tool_calls_total", server="one", tool="add", via="call", outcome="ok") == 1
    assert answer.text.endswith("# EOF\n") is is_openmetrics


async def test_metrics_are_read_with_get_and_head_only(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), metrics="/metrics")) as client:
        head = await client.head("/metrics")
        assert (head.status_code, head.headers["content-type"][:10]) == (200, "text/plain")
        for method in ("POST", "PUT", "DELETE"):
            answer = await client.request(method, "/metrics")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            assert answer.json()["type"] == "urn:multi-mcp:error:method-not-allowed"


async def test_metrics_are_not_found_while_they_are_off(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add))) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_path_of_the_metrics_is_configurable(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), metrics="/internal/metrics")) as client:
        assert (await client.get("/internal/metrics")).status_code == 200
        assert (await client.get("/metrics")).status_code == 404


async def test_metrics_are_refused_to_a_foreign_host_even_if_they_are_open(make_app: MakeApp) -> None:
    for settings in ({}, {"metrics_open": True}):
        async with opened(make_app(server_of(add), metrics="/metrics", **settings)) as client:
            assert (await client.get("/metrics", headers={"host": "evil.com"})).status_code == 421


async def test_scrapes_are_made_one_at_a_time_in_a_thread_while_the_event_loop_runs() -> None:
    slow = Slow()
    counted = Counted(slow)
    metrics = Metrics(counted, refused)
    scrapes = [asyncio.create_task(ask(metrics, "GET", "/metrics")) for _ in range(5)]
    while not slow.begun:
        await asyncio.sleep(0)  # ends only because the event loop runs during the scrape
    slow.go.set()
    assert [scrape.status for scrape in await asyncio.gather(*scrapes)] == [200] * 5
    assert slow.most == 1
    assert set(counted.refreshed_in) == {threading.get_ident()}
    assert threading.get_ident() not in slow.threads


async def test_scrape_is_unavailable_while_a_worker_starts() -> None:
    answer = await ask(Metrics(Counted(Starting()), refused), "GET", "/metrics")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.document["type"] == "urn:multi-mcp:error:unavailable"
