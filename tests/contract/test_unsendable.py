"""A value that no client could read is a crash of its tool over every way in, with one line in the log."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from mcp_types import TextContent

from tests import wire
from tests.clients import ERAS, connected, open_session, post
from tests.conftest import MakeApp, server_of
from tests.contract.unsendable import MADE, SAYING, SURROGATE, TYPED, anything, logs, unannotated, with_context
from tests.documents import GRAPHQL
from tests.matrix.target import Target
from tests.matrix.ways import NATIVE, SLOWLY, WAYS, Outcome
from tests.transport import opened

pytestmark = pytest.mark.anyio
LIMIT = 100_000


async def add(a: int, b: int) -> int:
    return a + b


def broken() -> str:
    return SURROGATE


def long(large: str) -> str:
    return "x" * (LIMIT + 1)


async def same(value: str) -> str:
    return value


def assert_crashed(way: str, tool: str, outcome: Outcome, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    assert (tool, outcome.slug) == (tool, "tool-error" if way in NATIVE else "tool-crashed")
    if way in NATIVE:
        assert outcome.problem.get("content") == [{"type": "text", "text": f"Error executing tool {tool}"}]
    else:
        assert (outcome.slug, outcome.status) == ("tool-crashed", 500)
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1, (tool, reason, [record.getMessage() for record in errors])
    line = errors[0].getMessage()
    assert f"{tool!r} crashed" in line
    assert reason in line
    assert errors[0].exc_info is None
    assert len(line) < 500
    caplog.clear()


@pytest.mark.parametrize("way", SLOWLY)
@pytest.mark.slow
async def test_result_that_cannot_be_sent_is_a_crash_of_its_tool(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    app = make_app(server_of(add, unannotated, anything, with_context), graphql=GRAPHQL, max_result=LIMIT)
    async with opened(app) as http:
        for tool in ("unannotated", "anything", "with_context"):
            for kind, (_, reason) in MADE.items():
                outcome = await WAYS[way](Target(app, http), tool, {"kind": kind}, {})
                assert_crashed(way, tool, outcome, caplog, reason)
        assert (await WAYS[way](Target(app, http), "add", {"a": 1, "b": 2}, {})).value == 3


@pytest.mark.parametrize("way", [way for way in WAYS if way != "graphql"])  # where fields are selected
@pytest.mark.slow
async def test_typed_result_that_cannot_be_sent_is_a_crash_of_its_tool(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    app = make_app(server_of(*TYPED), graphql=GRAPHQL)
    async with opened(app) as http:
        for tool in TYPED:
            outcome = await WAYS[way](Target(app, http), tool.__name__, {}, {})
            assert_crashed(way, tool.__name__, outcome, caplog, "cannot be sent: ")


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_tool_says_besides_its_result_and_cannot_be_sent_is_a_crash_too(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    app = make_app(server_of(add, *SAYING), graphql=GRAPHQL)
    async with opened(app) as http:
        for tool in SAYING:
            outcome = await WAYS[way](Target(app, http), tool.__name__, {}, {})
            assert_crashed(way, tool.__name__, outcome, caplog, "cannot be sent: ")


@pytest.mark.parametrize("way", [way for way in WAYS if not way.endswith("modern")])  # no log without being asked for
async def test_log_message_that_cannot_be_sent_is_a_crash_too(make_app: MakeApp, way: str) -> None:
    async with opened(app := make_app(server_of(add, logs), graphql=GRAPHQL)) as http:
        outcome = await WAYS[way](Target(app, http), "logs", {}, {})
        assert outcome.slug == ("tool-error" if way in NATIVE else "tool-crashed")
        assert (await WAYS[way](Target(app, http), "add", {"a": 1, "b": 2}, {})).value == 3


@pytest.mark.parametrize("text", ["NaN", "Infinity", "9" * 5000, "null"])
@pytest.mark.parametrize("way", WAYS)
async def test_text_that_looks_like_such_a_number_is_sent(make_app: MakeApp, way: str, text: str) -> None:
    app = make_app(server_of(same), graphql=GRAPHQL)
    async with opened(app) as http:
        assert (await WAYS[way](Target(app, http), "same", {"value": text}, {})).value == text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("url", "name", "start"), [("/one/mcp", "broken", "x://"), ("/mcp", "one_broken", "x://one/")])
async def test_resource_or_prompt_that_cannot_be_sent_is_an_error_of_its_request(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, era: str, url: str, name: str, start: str
) -> None:
    server = server_of(add)
    server.resource("x://text")(broken)
    server.resource("x://{large}")(long)
    server.prompt()(broken)
    async with opened(make_app(server, max_result=LIMIT)) as http:
        session = await open_session(http, url)
        for method, params in (
            ("resources/read", {"uri": f"{start}text"}),
            ("resources/read", {"uri": f"{start}large"}),
            ("prompts/get", {"name": name}),
        ):
            caplog.clear()
            headers, body = wire.modern(method, **params)  # type: ignore[arg-type]
            if era == "legacy":
                headers, body = session, wire.request(method, **params)  # type: ignore[arg-type]
            answer = await http.post(url, json=body, headers=headers)
            message = answer.json() if era == "modern" else wire.messages(answer.text)[-1]
            assert (params, message.get("error", {}).get("data")) == (params, {"type": "tool-crashed"})
            [record] = [record for record in caplog.records if record.levelname == "ERROR"]
            assert record.getMessage().startswith(f"{method} ")


@pytest.mark.slow
async def test_description_that_cannot_be_sent_is_listed_as_text_that_can(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    async def described(a: float = float("nan")) -> float:
        return a

    server = server_of(add)
    server.add_tool(described, description=SURROGATE)
    async with opened(make_app(server)) as http:
        [_, tool] = (await http.get("/one/mcp/tools")).json()["tools"]
        assert tool["description"] == "caf?"
        for endpoint in ("one", ""):
            for era in ERAS:
                async with connected(http, era, endpoint) as client:
                    assert [tool.description for tool in (await client.list_tools()).tools][1] == "caf?"
    assert "the description of tool 'described' cannot be sent" in caplog.text


async def test_values_that_pydantic_writes_on_purpose_are_results(make_app: MakeApp) -> None:
    async def many():  # type: ignore[no-untyped-def]
        return {"price": Decimal("1.50"), "day": date(2026, 7, 28), "path": Path("/a"), "set": {1}, "bytes": b"a"}

    app = make_app(server_of(many))
    async with opened(app) as http:
        expected = {"price": "1.50", "day": "2026-07-28", "path": "/a", "set": [1], "bytes": "a"}
        assert (await post(http, "many")).json() == {"result": expected}
        async with connected(http, "modern") as client:
            [block] = (await client.call_tool("many", {})).content
            assert isinstance(block, TextContent)
            assert json.loads(block.text) == expected
