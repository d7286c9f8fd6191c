"""The live page of the console behind each proxy, with the proxy's defaults for streams."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.keys import add_key
from tests.ports import free_port
from tests.process.live.router import Router
from tests.proxies.conftest import NAMES, Behind
from tests.proxies.proxy import Proxy
from tests.proxies.test_idempotency import FILE, await_port
from tests.redis.redis import RedisServer
from tests.shipped import shipped

pytestmark = pytest.mark.proxies
EVENTS = "/console/data/events"


class Watched:
    """A router with the console, and keys for it. Without authentication it would take no request of a proxy."""

    def __init__(self, router: Router, key: str) -> None:
        self.router = router
        self.headers = {"authorization": f"Bearer {key}"}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    key = add_key(tmp_path / "keys.json", "who", "console:read", "*:*")
    settings = {"MCP_AUTH_KEYS": str(tmp_path / "keys.json"), "MCP_TRUSTED_PROXIES": "127.0.0.1"}
    with Router(tmp_path, **settings, MCP_CONSOLE="1", MCP_SERVERS_DIR=shipped()) as router:
        yield Watched(router.await_table(), key)


@pytest.mark.parametrize("name", NAMES)
def test_each_call_is_on_the_page_before_the_next_one_is_made(behind: Behind, watched: Watched, name: str) -> None:
    proxy = behind(name, watched.router)
    stream = proxy.connection()
    stream.request("GET", EVENTS, headers=watched.headers)
    answer = stream.getresponse()
    try:
        assert answer.status == 200
        for number in range(3):  # one that waits for its buffer to be full would hold them back for ever
            called = call(proxy, watched, number)
            seen: set[str] = set()
            while called not in seen:
                line = answer.readline().decode()
                assert line, "the stream ended"
                if line.startswith("data: ") and "calls" in (data := json.loads(line[6:])):
                    seen |= {each["request_id"] for each in data["calls"]}
    finally:
        stream.close()


def call(proxy: Proxy, watched: Watched, number: int) -> str:
    """Makes a call through the proxy, and returns its request id."""
    connection = proxy.connection()
    body = json.dumps({"tool": "add", "arguments": {"a": number, "b": 2}})
    headers = {**watched.headers, "content-type": "application/json"}
    connection.request("POST", "/math/mcp/call", body, headers)
    answer = connection.getresponse()
    assert json.loads(answer.read()) == {"result": number + 2}
    request_id = answer.headers["x-request-id"]
    connection.close()
    return str(request_id)


REPLICAS, CALLS = 3, 1000
REDISPATCH = "option redispatch 1"
"""HAProxy tries another replica if one takes no connection."""


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[tuple[list[Router], dict[str, str]]]:
    """Yields routers that share a Redis, and the headers of a caller who may call and read the console."""
    keys = tmp_path / "keys.json"
    headers = {"authorization": f"Bearer {add_key(keys, 'who', 'console:read', '*:*')}"}
    settings = {"MCP_AUTH_KEYS": str(keys), "MCP_TRUSTED_PROXIES": "127.0.0.1", "LOG_LEVEL": "warning"}
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        routers: list[Router] = []
        for number in range(REPLICAS):
            folder = tmp_path / str(number)
            folder.mkdir()
            shared = {**settings, "REDIS_URL": redis.url, "MCP_CONSOLE": "1", "MCP_SERVERS_DIR": shipped()}
            routers.append(stack.enter_context(Router(folder, **shared)))
        yield [router.await_table() for router in routers], headers


@pytest.fixture
def balanced(tmp_path: Path, replicas: tuple[list[Router], dict[str, str]]) -> Iterator[int]:
    """Yields the port of an HAProxy in front of the replicas."""
    port, ports = free_port(), [router.port for router in replicas[0]]
    file = tmp_path / "haproxy.cfg"
    file.write_text(FILE.format(port=port, ports=ports, retries=REDISPATCH))
    process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(file)])
    try:
        await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def test_page_counts_each_call_once_also_if_the_replica_that_serves_it_is_killed(
    balanced: int, replicas: tuple[list[Router], dict[str, str]]
) -> None:
    routers, headers = replicas
    with closing(Page(routers[0].port, headers)) as page:
        many(balanced, headers, CALLS // 2)
        page.read_until(CALLS // 2)
        routers[0].process.kill()
        routers[0].process.wait()
    many(balanced, headers, CALLS // 2)
    with closing(Page(balanced, {**headers, "last-event-id": page.cursor})) as again:
        again.read_until(CALLS // 2)
    found = page.calls + again.calls
    assert len(found) == len({*found}) == CALLS
    assert len({process for process, _ in found}) == REPLICAS


def many(port: int, headers: dict[str, str], count: int) -> None:
    body = json.dumps({"tool": "add", "arguments": {"a": 1, "b": 2}})
    for _ in range(count):
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        connection.request("POST", "/math/mcp/call", body, {**headers, "content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()


class Page:
    """The event stream, as a page reads it."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.calls: list[tuple[str, int]] = []
        self.cursor = ""
        self._connection = http.client.HTTPConnection("localhost", port, timeout=30)
        self._connection.request("GET", EVENTS, headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        while not self.cursor:
            self._read()

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def read_until(self, count: int) -> None:
        while len(self.calls) < count:
            self._read()

    def _read(self) -> None:
        line = self._answer.readline().decode()
        assert line, "the stream ended"
        if line.startswith("id: "):
            self.cursor = line[4:].strip()
        elif line.startswith("data: ") and "calls" in (data := json.loads(line[6:])):
            assert data["missed"] == 0
            self.calls += [(call["process"], call["number"]) for call in data["calls"]]
