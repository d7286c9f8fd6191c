"""Tests of listeners, and of lists that a server's author answers, for callers with scopes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import ListToolsResult, PaginatedRequestParams, Tool

from gateway.sdk.internals import low_level
from tests import wire
from tests.conftest import MakeApp
from tests.gateway.auth.offering import make
from tests.gateway.auth.test_native_access import ADMIN, ALL, OTHER, SOME, Http, asked, http, keys
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
__all__ = ["http", "keys"]


async def listening(http: Http, url: str, headers: Mapping[str, str], notifications: Mapping[str, Any]) -> Any:
    """Returns the first message of a listen stream, or the error response."""
    needed, body = wire.modern("subscriptions/listen", notifications=notifications)
    with anyio.fail_after(10):
        async with http.stream("POST", url, json=body, headers={**needed, **headers}) as answer:
            if not answer.headers["content-type"].startswith("text/event-stream"):
                await answer.aread()
                return answer.json()
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    return line
    raise AssertionError("no message")


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_list_changes_need_any_of_the_server_and_resource_changes_all_of_it(
    http: Http, keys: dict[str, dict[str, str]], url: str
) -> None:
    heard = {}
    for scope, headers in keys.items():
        lists = await listening(http, url, headers, {"toolsListChanged": True, "resourceSubscriptions": []})
        assert ("acknowledged" in lists) is (scope != OTHER or url == "/mcp")
        heard[scope] = "acknowledged" in await listening(http, url, headers, {"resourceSubscriptions": ["note://one"]})
    assert heard == {ALL: url == "/one/mcp", SOME: False, OTHER: False, ADMIN: True}
    of_one = {"resourceSubscriptions": ["note://one/one"]}
    both = {"resourceSubscriptions": ["note://one/one", "note://two/two"]}
    answers = [await listening(http, "/mcp", keys[scope], of_one) for scope in (ALL, SOME, OTHER, ADMIN)]
    assert ["acknowledged" in answer for answer in answers] == [True, False, False, True]
    answers = [await listening(http, "/mcp", keys[scope], both) for scope in (ALL, OTHER, ADMIN)]
    assert ["acknowledged" in answer for answer in answers] == [False, False, True]


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
async def test_list_that_the_author_answers_is_filtered_like_any_other(
    make_app: MakeApp, keys: Mapping[str, Any], tmp_path: Path, url: str
) -> None:
    server, own = make("one"), []

    async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
        own.append(ctx.method)
        return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in ("add", "erase")])

    low_level(server).add_request_handler("tools/list", PaginatedRequestParams, list_tools)
    async with opened(make_app(server, auth_keys=str(tmp_path / "keys.json"))) as http:
        tools = (await asked(http, "modern", url, keys[SOME], "tools/list"))["result"]["tools"]
    assert ([tool["name"].removeprefix("one_") for tool in tools], own) == (["add"], ["tools/list"])
