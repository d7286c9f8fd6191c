"""The document of a server as a list of functions for a model, read as Open WebUI reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.contract.every_tool import ANY, CALLS
from tests.routes.openapi.open_webui import call, functions
from tests.transport import BASE, opened

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:The logging capability is deprecated"),
]
CONTRACT = str(Path(__file__).parents[2] / "contract" / "servers")


async def test_model_is_shown_the_tools_and_nothing_else(make_app: MakeApp) -> None:
    async with opened(make_app(servers_dir=(CONTRACT,))) as http:
        shown = functions((await http.get("/kinds/openapi.json")).json())
        tools = {tool["name"]: tool for tool in (await http.get("/kinds/mcp/tools?format=anthropic")).json()}
        listed = (await http.get("/kinds/mcp/tools")).json()["tools"]
    assert [*shown] == [f"kinds_{name}" for name in tools]
    assert [name for name in shown if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", name)] == []
    assert [name for name, function in shown.items() if not function["description"]] == []
    for tool in listed:
        parameters = shown[f"kinds_{tool['name']}"]["parameters"]
        assert parameters["required"] == tool["inputSchema"].get("required", [])
        assert [*parameters["properties"]] == [*tool["inputSchema"]["properties"]]
        assert "$ref" not in json.dumps(parameters)


async def test_model_calls_every_tool_of_the_contract_servers(make_app: MakeApp) -> None:
    base = f"{BASE}/kinds"  # as a person enters it
    async with opened(make_app(servers_dir=(CONTRACT,))) as http:
        document = (await http.get(f"{base}/openapi.json")).json()
        assert functions(document).keys() == {f"kinds_{tool}" for tool in CALLS}
        for name in functions(document):
            expected = CALLS[name.removeprefix("kinds_")]
            answer = await call(http, document, base, name, expected.arguments)
            assert answer.status_code == expected.status, (name, answer.text)
            if expected.result is not ANY:
                assert answer.json() in ({"result": expected.result}, expected.result), name
