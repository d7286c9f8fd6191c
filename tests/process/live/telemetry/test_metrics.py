"""The metrics of a real process with one worker and with several."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.gateway.telemetry.scrape import Scrape
from tests.ports import free_port
from tests.process.live.conftest import Start
from tests.process.live.note import Note
from tests.process.live.router import Router
from tests.process.live.test_start import check_refused

pytestmark = pytest.mark.process
CALLS = "mcp_tool_calls_total"
CALL = json.dumps({"tool": "add", "arguments": {"a": 1, "b": 2}})
JSON = {"content-type": "application/json"}


def got(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Returns the status and the text of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def scraped(router: Router, port: int = 0, accept: str = "") -> Scrape:
    status, text = got(port or router.port, "/metrics", accept=accept)
    assert status == 200, text
    return Scrape.of_openmetrics(text) if accept else Scrape.of_text(text)


def await_scrape(router: Router, matches: Callable[[Scrape], bool]) -> Scrape:
    for _ in range(200):
        if matches(scrape := scraped(router)):
            return scrape
        time.sleep(0.05)
    raise AssertionError(got(router.port, "/metrics")[1])


def calls(router: Router, count: int, connections: int) -> None:
    """Makes `count` calls, divided over the connections, one after the other."""
    for _ in range(connections):
        with closing(router.connection()) as connection:
            for _ in range(count // connections):
                connection.request("POST", "/math/mcp/call", CALL, JSON)
                assert json.loads(connection.getresponse().read()) == {"result": 3}


def call_400_times(router: Router) -> None:
    """Makes the calls from 8 threads, over reused connections and over new ones."""
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(calls, router, 50, connections) for connections in (1, 50) * 4]:
            done.result()


@pytest.mark.parametrize("own_port", [False, True])
def test_four_workers_count_together(start: Start, own_port: bool) -> None:
    port = free_port() if own_port else 0
    router = start(WORKERS="4", MCP_METRICS="/metrics", MCP_METRICS_PORT=str(port)).await_workers(4)
    call_400_times(router)
    for accept in ("", "application/openmetrics-text", "", "", ""):
        scrape = scraped(router, port, accept=accept)
        assert scrape.sum(CALLS, server="math") == 400
        assert scrape.value(CALLS, server="math", tool="add_tool", via="call", outcome="ok") == 400
        assert scrape.value("mcp_call_duration_seconds_count", server="math", tool="add_tool") == 400
        assert scrape.value("mcp_server_up", server="math") == 1


def test_counts_of_killed_workers_stay_and_their_calls_in_flight_go(start: Start) -> None:
    router = start(WORKERS="4", MCP_METRICS="/metrics").await_workers(4)
    for counted in (400, 800, 1200):
        call_400_times(router)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            router.call("slow", "die")
        scrape = await_scrape(
            router, lambda scrape: scrape.value("mcp_calls_in_flight") == 0
        )  # the worker was killed by a call
        assert scrape.sum(CALLS, server="math") == counted
        router.await_workers(4)
    ended = [line for line in router.complaints() if "worker exited" in line]
    assert [line.split("exit=")[1].split()[0] for line in ended] == ["-9"] * 3


def test_calls_in_flight_are_summed_over_all_workers(start: Start, tmp_path: Path) -> None:
    router = start(WORKERS="2", MCP_METRICS="/metrics").await_workers(2)
    notes = [Note(tmp_path / f"note-{number}") for number in range(6)]
    with ExitStack() as stack:
        for note in notes:
            stack.enter_context(router.calling("slow", "wait", seconds=60, note=str(note.path)))
        for note in notes:
            note.await_lines("began")
        await_scrape(router, lambda scrape: scrape.value("mcp_calls_in_flight") == 6)
    await_scrape(router, lambda scrape: scrape.value("mcp_calls_in_flight") == 0)


def test_counts_stay_after_a_rolling_restart(start: Start) -> None:
    router = start(WORKERS="2", MCP_METRICS="/metrics").await_workers(2)
    calls(router, 20, 20)
    before = {router.call("slow", "pid")[1]["result"] for _ in range(30)}
    router.process.send_signal(signal.SIGHUP)
    seen: set[int] = set()
    while len(seen - before) < 2:
        try:
            seen.add(router.call("slow", "pid")[1]["result"])
        except OSError:
            continue
    assert scraped(router).sum(CALLS, server="math") == 20


def test_temporary_folder_is_removed_at_the_end(start: Start, tmp_path: Path) -> None:
    router = start(WORKERS="2", MCP_METRICS="/metrics", TMPDIR=str(tmp_path)).await_workers(2)
    (folder,) = tmp_path.glob("multi-mcp-metrics-*")
    assert list(folder.glob("counter_*.db"))
    router.end()
    assert not folder.exists()
    assert router.complaints() == []


def test_given_folder_is_used_and_emptied_at_the_next_start(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    settings = {"WORKERS": "2", "MCP_METRICS": "/metrics", "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    for _ in range(2):
        router = start(**settings).await_workers(2)
        calls(router, 5, 5)
        assert scraped(router).sum(CALLS, server="math") == 5
        router.end()
        assert folder.is_dir()


def test_unusable_folder_is_reported_in_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    router = start(WORKERS="2", MCP_METRICS="/metrics", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "file"))
    check_refused(router, "PROMETHEUS_MULTIPROC_DIR=", "workers cannot count there")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_own_port_serves_the_metrics_and_nothing_else(start: Start, workers: str) -> None:
    port = free_port()
    router = start(WORKERS=workers, MCP_METRICS="/metrics", MCP_METRICS_PORT=str(port)).await_workers(int(workers))
    assert f"Metrics: http://127.0.0.1:{port}/metrics" in router.table
    calls(router, 1, 1)
    assert scraped(router, port).sum(CALLS, server="math") == 1
    for at, path in ((router.port, "/metrics"), (port, "/health"), (port, "/math/mcp/tools")):
        assert got(at, path)[0] == 404
    assert got(port, "/metrics", host="evil.com")[0] == 421
    assert router.end() < 5
    for at in (router.port, port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", at))


def test_metrics_port_in_use_is_reported_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        check_refused(
            start(MCP_METRICS="/metrics", MCP_METRICS_PORT=port), f"MCP_METRICS_PORT={port}", "already in use"
        )


def test_single_process_has_metrics_of_the_process(start: Start) -> None:
    router = start(MCP_METRICS="/metrics").await_table()
    scrape = scraped(router)
    assert scrape.sum("process_resident_memory_bytes") > 10_000_000
    assert scrape.sum("process_open_fds") > 3
    assert "python_gc_objects_collected_total" in scrape.names()
