"""Calls whose tool asks for input: they go on with the version that asked."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel

from tests import wire
from tests.clients import post
from tests.conftest import MakeApp
from tests.gateway.versions.searching import wire_result
from tests.transport import opened

pytestmark = pytest.mark.anyio
VERSION = "dev.multi-mcp/version"
KEYS = ("1" * 32,)


class Size(BaseModel):
    size: int


SCHEMA: dict[str, Any] = Size.model_json_schema()
ANSWER = {"action": "accept", "content": {"size": 2}}


def asking(*versions: str) -> MCPServer[Any]:
    """`waits` waits for its answer in its process; `asks` is called again with it."""
    server: MCPServer[Any] = MCPServer("one")
    for version in versions:

        async def waits(ctx: Context, which: str = version) -> str:
            return f"{which} {(await ctx.elicit('How big?', Size)).action}"

        async def asks(ctx: Context, which: str = version) -> InputRequiredResult | str:
            if ctx.input_responses is None:
                params = ElicitRequestFormParams(message="How big?", requested_schema=SCHEMA)
                return InputRequiredResult(input_requests={"size": ElicitRequest(params=params)}, request_state="4:2")
            return f"{which} {ctx.request_state}"

        for function in (waits, asks):
            name = function.__name__
            server.add_tool(function, name=f"{name} {version}", meta={"version": version, "versions_of": name})
    return server


@pytest.mark.parametrize(("tool", "result"), [("waits", "1.0.0 accept"), ("asks", "1.0.0 4:2")])
async def test_call_goes_on_with_the_version_that_asked(tool: str, result: str, make_app: MakeApp) -> None:
    async with opened(make_app(asking("1.0.0", "2.0.0"))) as http:
        asked = await http.post("/one/mcp/call", json={"tool": tool, "version": "1"})
        assert (asked.status_code, asked.headers["tool-version"]) == (202, "1.0.0")
        state = asked.json()["requestState"]
        answers = dict.fromkeys(asked.json()["inputRequests"], ANSWER)
        more = {"tool": tool, "inputResponses": answers, "requestState": state}
        for other in ({"version": "2"}, {"requestState": state.replace("1.0.0", "2.0.0", 1)}):
            assert (await http.post("/one/mcp/call", json={**more, **other})).status_code == 400
        done = await http.post("/one/mcp/call", json=more)
        assert (done.json(), done.headers["tool-version"]) == ({"result": result}, "1.0.0")


@pytest.mark.slow
async def test_state_goes_on_with_its_version_where_the_routes_are_others(make_app: MakeApp) -> None:
    async with opened(make_app(asking("1.0.0", "2.0.0"), tool_routes="one:asks=1:1", state_keys=KEYS)) as http:
        json = (await post(http, "asks")).json()
        headers, body = wire.modern("tools/call", name="asks", arguments={})
        body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
        native = wire_result(await http.post("/one/mcp", json=body, headers=headers))
    async with opened(make_app(asking("1.0.0", "2.0.0"), tool_routes="one:asks=2:1", state_keys=KEYS)) as http:
        more = {"requestState": json["requestState"], "inputResponses": {"size": ANSWER}}
        assert (await http.post("/one/mcp/call", json={"tool": "asks", **more})).json() == {"result": "1.0.0 4:2"}
        body["params"] |= {"requestState": native["requestState"], "inputResponses": {"size": ANSWER}}
        result = wire_result(await http.post("/one/mcp", json=body, headers=headers))
        assert (result["structuredContent"], result["_meta"][VERSION]) == ({"result": "1.0.0 4:2"}, "1.0.0")
    async with opened(make_app(asking("2.0.0", "3.0.0"), state_keys=KEYS)) as http:
        gone = await http.post("/one/mcp/call", json={"tool": "asks", **more})
        assert (gone.status_code, gone.json()["detail"]) == (
            404,
            "Tool 'asks' has no version '1.0.0'; there are: 3.0.0, 2.0.0.",
        )


@pytest.mark.parametrize("state", [5, None, {}, "", "1.0.0:", "9:x", "1.0.0:call-x", "2.0.0:task-x"])
@pytest.mark.slow
async def test_made_up_state_is_refused(state: Any, make_app: MakeApp) -> None:
    async with opened(make_app(asking("1.0.0", "2.0.0"))) as http:
        headers, body = wire.modern("tools/call", name="asks", arguments={})
        body["params"] |= {"requestState": state, "inputResponses": {"size": ANSWER}}
        native = await http.post("/one/mcp", json=body, headers=headers)
        json = await http.post("/one/mcp/call", json={"tool": "waits", **body["params"]})
    assert native.status_code < 500
    assert json.status_code < 500
    assert "crashed" not in native.text
