"""The live page of the console behind each proxy, with the proxy's defaults for streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keys import add_key
from tests.process.live.router import Router
from tests.proxies.conftest import NAMES, Behind
from tests.proxies.proxy import Proxy
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
