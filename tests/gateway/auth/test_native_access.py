"""Tests of native MCP for callers whose scopes cover all of a server, some of its tools, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from gateway.auth.native_access import NativeAccess
from gateway.auth.scopes import Scopes
from gateway.caller import Caller, caller
from tests import wire
from tests.clients import ERAS, Era
from tests.conftest import MakeApp
from tests.gateway.auth.offering import make
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
ALL, SOME, OTHER, ADMIN = "one:*", "one:add", "two:*", "admin"
REF = {"type": "ref/prompt", "name": "greet"}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, dict[str, str]]:
    """The headers of a caller with each scope."""
    path = tmp_path / "keys.json"
    return {scope: bearer(add_key(path, f"k{number}", scope)) for number, scope in enumerate((ALL, SOME, OTHER, ADMIN))}


@pytest.fixture
async def http(anyio_backend: str, make_app: MakeApp, keys: Mapping[str, Any], tmp_path: Path) -> AsyncIterator[Http]:
    async with opened(make_app(make("one"), make("two"), auth_keys=str(tmp_path / "keys.json"))) as client:
        yield client


async def asked(http: Http, era: Era, url: str, headers: Mapping[str, str], method: str, **params: Any) -> Any:
    """Returns the JSON-RPC response, with `result` or `error`."""
    if era == "modern":
        needed, body = wire.modern(method, **params)
        return (await http.post(url, json=body, headers={**needed, **headers})).json()
    opening = await http.post(url, json=wire.INITIALIZE, headers={**wire.BOTH_TYPES, **headers})
    if opening.status_code == 403:
        return opening.json()
    session = {**wire.in_session(opening.headers["mcp-session-id"]), **headers}
    await http.post(url, json=wire.INITIALIZED, headers=session)
    answer = await http.post(url, json=wire.request(method, **params), headers=session)
    return wire.messages(answer.text)[-1]


LISTS = [
    ("prompts/list", "prompts"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("method", "key"), LISTS)
@pytest.mark.slow
async def test_prompts_and_resources_are_listed_to_callers_with_the_whole_server(
    http: Http, keys: dict[str, dict[str, str]], era: Era, method: str, key: str
) -> None:
    count = {}
    for scope, headers in keys.items():
        for url in ("/one/mcp", "/mcp"):
            answer = await asked(http, era, url, headers, method)
            count[scope, url] = len(answer["result"][key]) if "result" in answer else None
    assert count == {
        **dict.fromkeys([(ALL, "/one/mcp"), (ALL, "/mcp")], 1),
        (SOME, "/one/mcp"): 0,
        (SOME, "/mcp"): 0,
        (OTHER, "/one/mcp"): 0 if era == "modern" else None,
        (OTHER, "/mcp"): 1,
        (ADMIN, "/one/mcp"): 1,
        (ADMIN, "/mcp"): 2,
    }


REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("prompts/get", {"name": "greet"}),
    ("resources/read", {"uri": "note://one"}),
    ("resources/read", {"uri": "note://nothing"}),
    ("completion/complete", {"ref": REF, "argument": {"name": "x", "value": ""}}),
    ("x/secret", {}),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("method", "params"), REQUESTS)
@pytest.mark.slow
async def test_prompts_resources_and_other_methods_need_the_whole_server(
    http: Http, keys: dict[str, dict[str, str]], era: Era, method: str, params: dict[str, Any]
) -> None:
    for scope in (SOME, OTHER):
        error = (await asked(http, era, "/one/mcp", keys[scope], method, **params))["error"]
        assert (error["code"], error["data"]) == (-32000, {"type": "forbidden", "scope": "one:*"})
    for scope in (ALL, ADMIN):
        answer = await asked(http, era, "/one/mcp", keys[scope], method, **params)
        assert ("result" in answer) is (params != {"uri": "note://nothing"})
        assert "forbidden" not in str(answer)


@pytest.mark.parametrize("method", ["resources/subscribe", "logging/setLevel", "ping"])
@pytest.mark.slow
async def test_resource_subscription_needs_the_whole_server_but_ping_and_log_level_any_of_it(
    http: Http, keys: dict[str, dict[str, str]], method: str
) -> None:
    params = {"uri": "note://one"} if method == "resources/subscribe" else {"level": "debug"}
    for scope, headers in keys.items():
        answer = await asked(http, "legacy", "/one/mcp", headers, method, **params)
        is_closed = scope == OTHER or (method == "resources/subscribe" and scope == SOME)
        assert ("forbidden" in str(answer), "result" in answer) == (is_closed, not is_closed)


OVER_ALL: list[tuple[str, dict[str, Any]]] = [
    ("prompts/get", {"name": "one_greet"}),
    ("resources/read", {"uri": "note://one"}),
    ("resources/read", {"uri": "note://one/one"}),
    ("completion/complete", {"ref": {**REF, "name": "one_greet"}, "argument": {"name": "x", "value": ""}}),
]


@pytest.mark.slow
async def test_aggregate_endpoint_hides_items_of_other_servers(http: Http, keys: dict[str, dict[str, str]]) -> None:
    for era in ERAS:
        for method, params in OVER_ALL:
            for scope, word in ((OTHER, "error"), (SOME, "error"), (ALL, "result")):
                assert word in await asked(http, era, "/mcp", keys[scope], method, **params)


@pytest.mark.slow
async def test_any_authenticated_caller_may_discover_a_server(http: Http, keys: dict[str, dict[str, str]]) -> None:
    for url, headers in product(("/one/mcp", "/mcp"), keys.values()):
        assert "result" in await asked(http, "modern", url, headers, "server/discover")


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_filtered_lists_are_marked_private_for_caches(http: Http, keys: Mapping[str, Any], url: str) -> None:
    for method in ("tools/list", "prompts/list"):
        assert (await asked(http, "modern", url, keys[ALL], method))["result"]["cacheScope"] == "private"


@pytest.mark.slow
async def test_unknown_method_needs_the_whole_server_and_at_the_aggregate_all_servers(
    http: Http, keys: dict[str, dict[str, str]]
) -> None:
    for url, scopes in (("/one/mcp", (SOME, OTHER)), ("/mcp", (SOME, OTHER, ALL))):
        for scope in scopes:
            assert (await asked(http, "modern", url, keys[scope], "x/other"))["error"]["data"]["type"] == "forbidden"
        assert (await asked(http, "modern", url, keys[ADMIN], "x/other"))["error"]["code"] == -32601


async def test_everything_is_open_without_authentication(make_app: MakeApp) -> None:
    async with opened(make_app(make("one"))) as http:
        for method, params in REQUESTS:
            assert "forbidden" not in str(await asked(http, "modern", "/one/mcp", {}, method, **params))
        listed = (await asked(http, "modern", "/one/mcp", {}, "tools/list"))["result"]
        assert (len(listed["tools"]), listed["cacheScope"]) == (1, "public")


async def test_aggregate_endpoint_asks_for_the_server_names_at_each_request() -> None:
    names = ["one"]
    access = NativeAccess(lambda app, admit: app).over(lambda: names, lambda uri: None)
    caller.set(Caller("key:ci", grants=Scopes([ALL])))
    ctx: Any = SimpleNamespace(method="x/other", request_id=1, params={})
    call_next = AsyncMock(return_value={})
    assert await access(ctx, call_next) == {}
    names.append("two")
    with pytest.raises(MCPError, match="'two:\\*'"):
        await access(ctx, call_next)
