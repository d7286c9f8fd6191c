"""Arbitrary bytes, JSON and arguments to every URL that takes a POST: never a 5xx, never a hang."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import wire
from tests.process.live.router import Router
from tests.shipped import shipped

SERVERS = Path(__file__).parent / "servers"
NATIVE = ["/mcp", "/mcp/", "/odd/mcp", "/odd/mcp/", "/math/mcp"]
METHODS = ["initialize", "ping", "tools/list", "tools/call", "prompts/get", "resources/read", "completion/complete"]
JSON_TYPE = {"content-type": "application/json"}
SECONDS = 20

pytestmark = pytest.mark.fuzz
bounded = settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])

TELLING = ["", "nan", "-inf", "1e999", "true", "null", "[]", "{}", '"', "2020-01-01", "P1D", "\ud800", "\0", "9" * 4301]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None)),
    st.sampled_from(TELLING),
    st.sampled_from([2**63, -(10**400), 10**4299, 1e308, -0.0]),
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@dataclass
class Target:
    """A router that runs, the paths that take a POST, and each tool's server, name and arguments."""

    router: Router
    paths: list[str]
    tools: list[tuple[str, str, list[str]]]

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON_TYPE) -> None:
        """Send, and be answered in time, and by no 5xx."""
        with closing(self.router.connection(timeout=SECONDS)) as connection:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status < 500, content

    def arguments(self, data: st.DataObject) -> tuple[str, str, dict[str, Any]]:
        """A tool of some server, with anything for some of its arguments and for some that it does not have."""
        server, tool, names = data.draw(st.sampled_from(self.tools))
        name = st.sampled_from(names) | st.text() if names else st.text()
        return server, tool, data.draw(st.dictionaries(name, values, max_size=5))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder, servers = tmp_path_factory.mktemp("router"), f"{shipped()}:{SERVERS}"
    # What asks for input is given up at once, so that no crowd of calls waits for answers.
    with Router(folder, MCP_SERVERS_DIR=servers, MCP_INPUT_TIMEOUT="0.1") as router:
        paths = router.await_table().get("/openapi.json")["paths"]
        tools = [
            (tool["server"], tool["name"], [*tool["inputSchema"]["properties"]])
            for tool in router.get("/tools")["tools"]
        ]
        yield Target(router, [*(path for path, item in paths.items() if "post" in item), *NATIVE], tools)
        assert router.process.poll() is None
        assert re.findall(r"(?m)^\S+ error .*", router.log()) == []


@bounded
@given(data=st.data())
def test_any_bytes_are_answered(target: Target, data: st.DataObject) -> None:
    kinds = st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain", "", "\xff"])
    headers = {"content-type": data.draw(kinds), "accept": data.draw(st.sampled_from(["*/*", "text/html", "", ","]))}
    target.post(data.draw(st.sampled_from(target.paths)), data.draw(st.binary()), headers)


@bounded
@given(data=st.data())
def test_any_json_is_answered(target: Target, data: st.DataObject) -> None:
    keys = st.sampled_from(["tool", "arguments", "server", "requestState", "inputResponses", "jsonrpc", "id", "method"])
    tools = st.sampled_from([name for _, name, _ in target.tools])
    body = data.draw(values | st.dictionaries(keys, values | tools | st.just("odd")))
    target.post(data.draw(st.sampled_from(target.paths)), json.dumps(body).encode(), wire.BOTH_TYPES)


@bounded
@given(data=st.data())
def test_any_arguments_are_answered_over_json(target: Target, data: st.DataObject) -> None:
    server, tool, arguments = target.arguments(data)
    body = json.dumps({"server": server, "tool": tool, "arguments": arguments}).encode()
    target.post(f"/{server}/mcp/tools/{quote(tool, safe='')}", json.dumps(arguments).encode())
    target.post(f"/{server}/mcp/call", body)
    target.post("/call", body)


@bounded
@given(data=st.data())
def test_any_arguments_are_answered_over_native_mcp(target: Target, data: st.DataObject) -> None:
    server, tool, arguments = target.arguments(data)
    headers, message = wire.modern("tools/call", name=tool, arguments=arguments)
    target.post(f"/{server}/mcp", json.dumps(message).encode(), headers)
    target.post(
        f"/{server}/mcp",
        json.dumps(wire.request("tools/call", name=tool, arguments=arguments)).encode(),
        {
            **wire.BOTH_TYPES,
            "mcp-protocol-version": wire.LEGACY,
        },
    )


@bounded
@given(data=st.data())
def test_any_message_is_answered_over_native_mcp(target: Target, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(METHODS) | st.text())
    message = {"jsonrpc": "2.0", "id": data.draw(values), "method": method, "params": data.draw(values)}
    headers = data.draw(st.sampled_from([wire.modern("ping")[0], wire.in_session("none"), wire.BOTH_TYPES]))
    target.post(data.draw(st.sampled_from(NATIVE)), json.dumps(message).encode(), headers)


@bounded
@given(server=st.text(), tool=st.text())
def test_any_path_is_answered(target: Target, server: str, tool: str) -> None:
    target.post(f"/{quote(server, safe='')}/mcp/call", b"{}")
    target.post(f"/odd/mcp/tools/{quote(tool, safe='')}", b"{}")
    target.post(f"/{quote(server)}/{quote(tool)}", b"{}")
