"""Versions of tools in the log, in metrics and in spans."""

from __future__ import annotations

import json

import pytest

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.documents import GRAPHQL
from tests.gateway.telemetry.scrape import scraped
from tests.gateway.telemetry.spans import Spans
from tests.gateway.versions.searching import searching
from tests.matrix.target import Target
from tests.matrix.ways import VERSION, WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("form", ["text", "json"])
async def test_log_line_names_the_version(form: str, make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(make_app(searching("1.0.0", "2.0.0"), log_format=form)) as http:
        await http.post("/one/mcp/call", json={"tool": "search", "version": "1"})
    [line] = [line for line in capsys.readouterr().err.splitlines() if "outcome" in line]
    if form == "json":
        assert json.loads(line)["version"] == "1.0.0"
    else:
        assert " server=one tool=search version=1.0.0 via=call outcome=ok " in line


@pytest.mark.slow
async def test_versions_are_labels_and_made_up_ones_are_none(make_app: MakeApp) -> None:
    app = make_app(searching("1.0.0", "2.0.0"), metrics="/metrics", graphql=GRAPHQL)
    async with opened(app) as http:
        target = Target(app, http)
        for way in WAYS.values():
            for number in range(3):
                await way(target, "search", {}, {VERSION: f"9.{number}"})
            await way(target, "search", {}, {VERSION: "1"})
        found = await scraped(http)
    labels = [(each["tool"], each["version"]) for each in found.labels("mcp_tool_calls_total")]
    assert {*labels} == {("unknown", "-"), ("search", "1.0.0")}


async def test_there_is_no_label_without_versions(make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add, name="one"), metrics="/metrics")) as http:
        await post(http, "add")
        found = await scraped(http)
    assert {*found.labels("mcp_tool_calls_total")[0]} == {"server", "tool", "via", "outcome"}


async def add() -> int:
    return 1


@pytest.mark.parametrize("way", WAYS)
async def test_span_names_the_version(way: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = Spans(monkeypatch)
    app = make_app(searching("1.0.0", "2.0.0"), otlp_endpoint="http://127.0.0.1:9", graphql=GRAPHQL)
    async with opened(app) as http:
        await WAYS[way](Target(app, http), "search", {}, {VERSION: "1"})
    (span,) = spans.served()
    assert (span.attributes or {})["multi_mcp.tool.version"] == "1.0.0"
