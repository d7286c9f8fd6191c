"""Sends arbitrary bytes, JSON and arguments to every URL that takes a POST. Each gets a timely response and no 5xx."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import wire
from tests.fuzz.serving import Tools, serving, tools_of
from tests.process.live.router import Router

NATIVE = ["/mcp", "/mcp/", "/odd/mcp", "/odd/mcp/", "/math/mcp"]
METHODS = ["initialize", "ping", "tools/list", "tools/call", "prompts/get", "resources/read", "completion/complete"]
JSON_TYPE = {"content-type": "application/json"}
RESPONSE_TIMEOUT = 20

pytestmark = pytest.mark.fuzz
bounded = settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])

TEXTS = ["", "nan", "-inf", "1e999", "true", "null", "[]", "{}", '"', "2020-01-01", "P1D", "\ud800", "\0", "9" * 4301]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None)),
    st.sampled_from(TEXTS),
    st.sampled_from([2**63, -(10**400), 10**4299, 1e308, -0.0]),
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@dataclass
class Target:
    """A running router, the paths that take a POST, and the server, name and argument names of each tool."""

    router: Router
    paths: list[str]
    tools: Tools

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON_TYPE) -> None:
        """Sends a request, and checks that it gets a response in time and no 5xx."""
        with closing(self.router.connection(timeout=RESPONSE_TIMEOUT)) as connection:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status < 500, content

    def arguments(self, data: st.DataObject) -> tuple[str, str, dict[str, Any]]:
        """Draws a tool with arbitrary values, both for arguments that it has and for unknown ones."""
        server, tool, names = data.draw(st.sampled_from(self.tools))
        name = st.sampled_from(names) | st.text() if names else st.text()
        return server, tool, data.draw(st.dictionaries(name, values, max_size=5))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    # Calls that ask for input end at once, so that they do not fill the router.
    with serving(tmp_path_factory.mktemp("router"), MCP_INPUT_TIMEOUT="0.1") as router:
        paths = router.get("/openapi.json")["paths"]
        yield Target(router, [*(path for path, item in paths.items() if "post" in item), *NATIVE], tools_of(router))


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
