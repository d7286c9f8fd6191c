"""Sessions over replicas: HAProxy's table of them, with the lines of its file."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.process.live.router import Router
from tests.proxies.conftest import Behind
from tests.proxies.proxy import Proxy
from tests.shipped import shipped

pytestmark = pytest.mark.proxies


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Router]]:
    with ExitStack() as stack:
        routers = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            routers.append(stack.enter_context(Router(tmp_path / name, MCP_SERVERS_DIR=shipped())).await_table())
        yield routers


def posted(proxy: Proxy, headers: Mapping[str, str], message: Any) -> http.client.HTTPResponse:
    """Returns the answer to a message on a connection of its own."""
    connection = proxy.connection()
    connection.request("POST", "/math/mcp", json.dumps(message), dict(headers))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_session_stays_at_the_replica_that_opened_it(behind: Behind, replicas: list[Router]) -> None:
    one, other = replicas
    names = ("stick-table type", "stick store-response", "stick match")
    lines = {f"# {name}": name for name in names} | {
        "# server other 127.0.0.1:8001": f"server b 127.0.0.1:{other.port}"
    }
    proxy = behind("haproxy", one, lines)
    sessions = [posted(proxy, wire.BOTH_TYPES, wire.INITIALIZE).headers["mcp-session-id"] for _ in range(20)]
    call = wire.request("tools/call", name="add_tool", arguments={"a": 1, "b": 2})
    statuses = Counter(posted(proxy, wire.in_session(session), call).status for session in sessions * 5)
    assert statuses == {200: 100}
    assert [router.get("/math/mcp/health")["sessions"] for router in replicas] == [10, 10]
