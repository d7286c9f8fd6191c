"""Checks that every kind of tool answers through the router as its server does alone, over each transport and era."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from gateway.sdk.wire import unwrapped
from tests.clients import ERAS, Era, Wire, connected, text_error
from tests.contract import upstream as far_server
from tests.contract.expected import ARGUMENTS, CONTENT, CRASHES, REFUSED, TOOL_ERRORS, VALUES
from tests.contract.test_asking import ACCEPTED, CAKE
from tests.contract.ways import Ways, opened_ways
from tests.gateway.upstream.conftest import written
from tests.gateway.upstream.http.conftest import sdk_server

pytestmark = [pytest.mark.anyio, pytest.mark.process]
CHILD = {"command": sys.executable, "args": [far_server.__file__, "stdio"]}
UPSTREAMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "stdio modern": lambda url: {**CHILD, "era": "modern"},
    "stdio legacy": lambda url: {**CHILD, "era": "legacy"},
    "http modern": lambda url: {"url": url, "era": "modern"},
    "http legacy": lambda url: {"url": url, "era": "legacy"},
    "sse": lambda url: {"type": "sse", "url": url.replace("/mcp", "/sse")},
}
"""The entry of each transport and era for the contract server, some of them at the URL of a process of its own."""

ERRORS = [
    *((tool, arguments) for tool, arguments, _ in REFUSED),
    *((tool, arguments) for tool, arguments, _, _ in TOOL_ERRORS),
    *((tool, arguments) for tool, arguments in CRASHES if not tool.startswith("exits")),  # that ends the server
    *((tool, {}) for tool in ("own_error", "own_error_with_data")),
]


@pytest.fixture(scope="session")
def far() -> Iterator[str]:
    with sdk_server(module="tests.contract.upstream") as url:
        yield url


@pytest.fixture(scope="module", params=UPSTREAMS)
async def ways(
    request: pytest.FixtureRequest, anyio_backend: str, far: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ways]:
    file = written(tmp_path_factory.mktemp("entries"), {"kinds": UPSTREAMS[request.param](far)})
    async with opened_ways(servers_dir=(), servers_file=file) as ways:
        with anyio.fail_after(30):
            while (await ways.http.get("/kinds/mcp/health")).json()["status"] != "ok":
                await anyio.sleep(0.05)
        await ways.ran()
        yield ways


def over_json(result: Wire, schema: dict[str, Any]) -> Any:
    """Returns the result over JSON of a call with this result over MCP."""
    if "structuredContent" not in result:
        return unwrapped(result["content"])
    structured = result["structuredContent"]
    is_wrapped = schema.get("title", "").endswith("Output") and [*structured] == ["result"]
    return structured["result"] if is_wrapped else structured


@pytest.mark.parametrize(("tool", "arguments", "result"), [*VALUES, *CONTENT, *ARGUMENTS])
async def test_result_is_that_of_the_server_alone(
    ways: Ways, tool: str, arguments: dict[str, Any], result: Any
) -> None:
    alone = await ways.alone(tool, arguments)
    listed = (await ways.http.get("/kinds/mcp/tools")).json()["tools"]
    [schema] = [each.get("outputSchema", {}) for each in listed if each["name"] == tool]
    call = await ways.call(tool, arguments)
    by_url = await ways.tool_url(tool, arguments)

    assert (call.status_code, call.json()) == (200, {"result": over_json(alone, schema)})
    if "structuredContent" in alone:
        assert call.json()["result"] == result
        Draft202012Validator(schema).validate(by_url.json())
    assert (by_url.status_code, by_url.json()) == (200, alone.get("structuredContent", call.json()))
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == alone
    assert await ways.ran() == [tool] * 4


@pytest.mark.parametrize(("tool", "arguments"), ERRORS)
async def test_error_is_that_of_the_server_alone(ways: Ways, tool: str, arguments: dict[str, Any]) -> None:
    alone = await ways.alone(tool, arguments)
    assert alone["isError"]
    for answer in (await ways.call(tool, arguments), await ways.tool_url(tool, arguments)):
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:multi-mcp:error:tool-error")
        assert answer.json()["detail"] == "\n".join(block["text"] for block in alone["content"])
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == alone
    assert (await ways.ran()).count(tool) in (0, 4)  # a call that is refused does not run


@pytest.mark.parametrize("tool", ["protocol_says_no", "protocol_says_no_with_context"])
async def test_protocol_error_is_passed_on(ways: Ways, tool: str) -> None:
    for answer in (await ways.call(tool, {}), await ways.tool_url(tool, {})):
        assert (answer.status_code, answer.json()["detail"]) == (422, "not at this time")
    for era in ERAS:
        assert await ways.native(era, tool, {}) == {"error": "not at this time"}
    assert await ways.ran() == [tool] * 4


async def test_unknown_tool_is_refused_before_the_server_is_asked(ways: Ways) -> None:
    for answer in (await ways.call("sync_ad", {}), await ways.tool_url("sync_ad", {})):
        assert answer.json()["detail"].startswith("Server 'kinds' has no tool 'sync_ad'. Did you mean 'sync_add'")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-tool")
    for era in ERAS:
        assert await ways.native(era, "sync_ad", {}) == text_error("Server 'kinds' has no tool 'sync_ad'.")
    assert await ways.ran() == []


async def test_tool_asks_a_caller_over_json(ways: Ways) -> None:
    asked = await ways.call("asks_by_resolver", CAKE)
    assert asked.status_code == 202
    body = asked.json()
    [key] = body["inputRequests"]
    given = {"inputResponses": {key: ACCEPTED}, "requestState": body["requestState"]}
    answer = await ways.call("asks_by_resolver", CAKE, **given)
    assert (answer.status_code, answer.json()) == (200, {"result": "cake: 2 blue"})
    assert await ways.ran() == ["asks_by_resolver"]


@pytest.mark.parametrize("era", ERAS)
async def test_tool_asks_and_tells_a_client_of_either_era(ways: Ways, era: Era) -> None:
    steps: list[float] = []

    async def elicited(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult.model_validate(ACCEPTED)

    async def stepped(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with connected(ways.http, era, "kinds", elicitation_callback=elicited) as client:
        found = await client.call_tool("asks_by_resolver", CAKE)
        assert found.structured_content == {"result": "cake: 2 blue"}
        await client.call_tool("reports", {"steps": 3}, progress_callback=stepped)
    assert steps == [1, 2, 3]
    assert await ways.ran() == ["asks_by_resolver", "reports"]


async def test_every_tool_is_listed_as_the_server_lists_it(ways: Ways) -> None:
    alone = await ways.clients["alone"].list_tools()
    expected = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in alone.tools]
    for era in ERAS:
        found = await ways.clients[era].list_tools()
        assert [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in found.tools] == expected
    over_json = (await ways.http.get("/kinds/mcp/tools")).json()["tools"]
    assert [{key: tool[key] for key in tool if key != "endpoint"} for tool in over_json] == expected
