"""Every kind of tool called over JSON and native MCP: same results, same errors, one run for each call.

Responses over native MCP are compared with those of the SDK alone, which they must equal.
"""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import to_json

from tests.clients import ERAS, text_error
from tests.contract.expected import ARGUMENTS, CONTENT, CRASHES, REFUSED, TOOL_ERRORS, VALUES, Errors
from tests.contract.ways import Ways

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("tool", "arguments", "result"), [*VALUES, *CONTENT, *ARGUMENTS])
async def test_result_is_the_same_over_json_and_native_mcp(
    ways: Ways, tool: str, arguments: dict[str, Any], result: Any
) -> None:
    alone = await ways.alone(tool, arguments)
    call = await ways.call(tool, arguments)
    by_url = await ways.tool_url(tool, arguments)

    assert (call.status_code, call.content) == (200, to_json({"result": result}))
    assert (by_url.status_code, by_url.json()) == (200, alone.get("structuredContent", {"result": result}))
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == alone
    assert await ways.ran() == [tool] * 4


async def test_tool_url_response_matches_the_output_schema(ways: Ways) -> None:
    listed = (await ways.http.get("/kinds/mcp/tools")).json()["tools"]
    schemas = {tool["name"]: tool["outputSchema"] for tool in listed if "outputSchema" in tool}
    for tool, arguments, _ in [*VALUES, *CONTENT, *ARGUMENTS]:
        if tool in schemas:
            Draft202012Validator(schemas[tool]).validate((await ways.tool_url(tool, arguments)).json())
    await ways.ran()


@pytest.mark.parametrize(("tool", "arguments", "errors"), REFUSED)
async def test_invalid_arguments_are_refused_with_path_and_reason_and_the_tool_does_not_run(
    ways: Ways, tool: str, arguments: dict[str, Any], errors: Errors
) -> None:
    for answer in (await ways.call(tool, arguments), await ways.tool_url(tool, arguments)):
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:multi-mcp:error:invalid-arguments"
        assert [(error["path"], error["reason"]) for error in answer.json()["errors"]] == errors
        assert "SECRET" not in answer.text
    alone = await ways.alone(tool, arguments)
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == alone
    assert alone["isError"]
    assert all(reason in alone["content"][0]["text"] for _, reason in errors)
    assert await ways.ran() == []


@pytest.mark.parametrize(("tool", "arguments", "detail", "text"), TOOL_ERRORS)
async def test_error_reported_by_a_tool_reaches_its_caller(
    ways: Ways, tool: str, arguments: dict[str, Any], detail: str, text: str
) -> None:
    for answer in (await ways.call(tool, arguments), await ways.tool_url(tool, arguments)):
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:multi-mcp:error:tool-error"
        assert answer.json()["detail"] == detail
        assert (answer.json()["server"], answer.json()["tool"]) == ("kinds", tool)
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == text_error(text)
    assert (await ways.ran()).count(tool) == 4


@pytest.mark.parametrize("tool", ["own_error", "own_error_with_data"])
async def test_error_result_is_reported_with_the_text_of_the_tool(ways: Ways, tool: str) -> None:
    alone = await ways.alone(tool, {})
    for answer in (await ways.call(tool, {}), await ways.tool_url(tool, {})):
        assert answer.status_code == 422
        assert answer.json()["detail"] == "\n".join(block["text"] for block in alone["content"])
    for era in ERAS:
        assert await ways.native(era, tool, {}) == alone
    assert await ways.ran() == [tool] * 4


@pytest.mark.parametrize("tool", ["protocol_says_no", "protocol_says_no_with_context"])
async def test_protocol_error_of_a_tool_is_passed_on_over_mcp_and_reported_over_json(ways: Ways, tool: str) -> None:
    for answer in (await ways.call(tool, {}), await ways.tool_url(tool, {})):
        assert (answer.status_code, answer.json()["detail"]) == (422, "not at this time")
    for era in ERAS:
        assert await ways.native(era, tool, {}) == {"error": "not at this time"}
    assert await ways.ran() == [tool] * 4


@pytest.mark.parametrize(("tool", "arguments"), CRASHES)
async def test_crash_reveals_nothing_to_the_caller_and_its_traceback_is_logged(
    ways: Ways, caplog: pytest.LogCaptureFixture, tool: str, arguments: dict[str, Any]
) -> None:
    for answer in (await ways.call(tool, arguments), await ways.tool_url(tool, arguments)):
        assert answer.status_code == 500
        assert answer.json()["type"] == "urn:multi-mcp:error:tool-crashed"
        assert "1234" not in answer.text
        assert "SECRET" not in answer.text
    for era in ERAS:
        assert await ways.native(era, tool, arguments) == text_error(f"Error executing tool {tool}")
    assert len([record for record in caplog.records if record.exc_info]) == 4
    assert await ways.ran() == [tool] * 4


async def test_crashing_validator_is_reported_as_a_crash_of_the_tool(
    ways: Ways, caplog: pytest.LogCaptureFixture
) -> None:
    for answer in (
        await ways.call("crashing_validator", {"value": "a"}),
        await ways.tool_url("crashing_validator", {"value": "a"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:multi-mcp:error:tool-crashed")
        assert "secret" not in answer.text
    assert "the validator's secret" in caplog.text
    assert await ways.ran() == []


async def test_tool_called_by_another_tool_runs_once_and_its_crash_is_a_crash_of_both(ways: Ways) -> None:
    assert (await ways.call("calls_another", {"a": 1})).json() == {"result": {"result": 2}}
    assert (await ways.call("calls_a_crash", {})).json()["type"] == "urn:multi-mcp:error:tool-crashed"
    assert await ways.ran() == ["calls_another", "sync_add", "calls_a_crash", "crashes"]


async def test_unknown_tool_is_refused_with_the_nearest_names(ways: Ways) -> None:
    for answer in (await ways.call("sync_ad", {}), await ways.tool_url("sync_ad", {})):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:multi-mcp:error:unknown-tool"
        assert answer.json()["detail"].startswith("Server 'kinds' has no tool 'sync_ad'. Did you mean 'sync_add'")
    for era in ERAS:
        assert await ways.native(era, "sync_ad", {}) == text_error("Unknown tool: sync_ad")
