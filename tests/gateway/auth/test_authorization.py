"""Tests of the calls that the interceptor allows, and of its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ToolAnnotations

from gateway.auth.authorization import Authorization
from gateway.auth.scopes import Scopes
from gateway.call import ToolCall, ToolResult
from gateway.caller import Caller, caller
from gateway.errors import Forbidden
from tests.calls import Known, make_call
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.keys import add_key, bearer
from tests.transport import opened

pytestmark = pytest.mark.anyio
RAN: ToolResult = ToolResult(b"{}")


async def run(call: ToolCall) -> ToolResult:
    return RAN


async def test_call_within_the_scopes_runs() -> None:
    by = Caller("key:ci", grants=Scopes(["math:*"]))
    for entry in (Known(), None):
        assert await Authorization()(make_call(server="math", caller=by, entry=entry), run) is RAN


@pytest.mark.parametrize("grants", [Scopes([]), Scopes(["echo:*"]), None])
async def test_call_outside_the_scopes_or_without_grants_is_refused(grants: Scopes | None) -> None:
    by = Caller("key:ci", grants=grants)
    call = make_call("add_tool", server="math", caller=by, entry=Known("add_tool"), requested="add")
    with pytest.raises(Forbidden) as refused:
        await Authorization()(call, run)
    assert (refused.value.scope, refused.value.server, refused.value.tool) == ("math:add", "math", "add")


async def test_scopes_are_those_of_the_calls_caller() -> None:
    caller.set(Caller("key:ci", grants=Scopes(["math:*"])))
    call = make_call(server="math", caller=Caller("key:ci", grants=Scopes([])), entry=Known())
    with pytest.raises(Forbidden):
        await Authorization()(call, run)


@pytest.mark.slow
async def test_calls_are_recorded_with_the_name_of_their_caller(
    make_app: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.json"
    key = bearer(add_key(path, "ci", "one:open"))
    server = server_of(named("open"), named("ghost"))
    async with opened(make_app(server, auth_keys=str(path), log_format="json")) as http:
        http.headers.update(key)
        for tool in ("open", "ghost"):
            await post(http, tool)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    calls = [(line["outcome"], line["caller"]) for line in lines if line["event"] == "call"]
    assert calls == [("ok", "key:ci"), ("forbidden", "key:ci")]


def named(name: str) -> Any:
    async def function() -> str:
        return "ran"

    function.__name__ = name
    return function


def facts(answer: Any) -> Any:
    """Returns the response without the fields that differ in every response."""
    return answer.status_code, answer.headers["www-authenticate"], {**answer.json(), "requestId": "", "instance": ""}


@pytest.mark.parametrize("destructive", ["", "danger"])
@pytest.mark.slow
async def test_refusal_is_the_same_for_existing_and_unknown_tools(
    make_app: MakeApp, tmp_path: Path, destructive: str
) -> None:
    path = tmp_path / "keys.json"
    key = bearer(add_key(path, "ci", "one:open*"))
    full = server_of(*map(named, ("open", "ghost", "ghoul_tool", "gh_ost")))
    empty = server_of(named("open"))
    found = []
    for server in (full, empty):
        app = make_app(server, auth_keys=str(path), destructive_scope=destructive)
        async with opened(app) as http:
            http.headers.update(key)
            found.append([facts(await post(http, name)) for name in ("ghost", "ghoul", "ghoul_tool", "gh_ost")])
            found[-1] += [facts(await http.post("/call", json={"tool": f"one_{name}"})) for name in ("ghost", "gh_ost")]
            found[-1] += [facts(await http.get(f"/one/mcp/tools/{name}")) for name in ("ghost", "ghoul", "ghoul_tool")]
            found[-1] += [facts(await http.post(f"/one/mcp/tools/{name}", json={})) for name in ("ghost", "ghoul")]
            unnamed = [await http.post("/call", json={"tool": name}) for name in ("ghost", "ghoul")]
            found[-1] += [(each.status_code, each.json()["detail"]) for each in unnamed]
    assert found[0] == found[1]
    assert {fact[0] for fact in found[0]} == {403, 404}


async def test_destructive_tool_and_unknown_tool_are_refused_alike_without_the_scope(
    make_app: MakeApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    server = server_of(named("open"))
    server.add_tool(named("drop"), annotations=ToolAnnotations(destructive_hint=True))
    key = bearer(add_key(path, "ci", "one:*"))
    async with opened(make_app(server, auth_keys=str(path), destructive_scope="danger")) as http:
        http.headers.update(key)
        existing, unknown = [(await post(http, name)) for name in ("drop", "dorp")]
        assert (await post(http, "open")).json() == {"result": "ran"}
    assert existing.json()["detail"] == unknown.json()["detail"]
    assert existing.json()["scope"] == unknown.json()["scope"] == "danger"
    assert existing.headers["www-authenticate"] == unknown.headers["www-authenticate"]


@pytest.mark.slow
async def test_unknown_tool_within_the_scopes_is_404_and_suggests_only_covered_tools(
    make_app: MakeApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    key = bearer(add_key(path, "ci", "one:open*", "one:ope", "one:hid"))
    app = make_app(server_of(*map(named, ("open", "opener", "opal", "hidden"))), auth_keys=str(path))
    async with opened(app) as http:
        http.headers.update(key)
        for answer in (
            await post(http, "ope"),
            await http.get("/one/mcp/tools/ope"),
            await http.post("/call", json={"tool": "one_ope"}),
            await http.post("/call", json={"tool": "ope"}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:unknown-tool")
            assert "open'" in answer.json()["detail"]
            assert "opal" not in answer.json()["detail"]
        assert "hidden" not in (await post(http, "hid")).json()["detail"]


@pytest.mark.slow
async def test_ambiguous_name_lists_only_tools_that_the_caller_may_call(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    one, both = bearer(add_key(path, "one", "one:*")), bearer(add_key(path, "both", "*:open"))
    servers = [server_of(named("open"), name=name) for name in ("one", "two", "three")]
    async with opened(make_app(*servers, auth_keys=str(path))) as http:
        assert (await http.post("/call", json={"tool": "open"}, headers=one)).json() == {"result": "ran"}
        refused = await http.post("/call", json={"tool": "open"}, headers=both)
        assert refused.json()["detail"].endswith("ask for one of: one_open, two_open, three_open.")
        short = await http.post("/call", json={"server": "on", "tool": "open"}, headers=one)
        assert (short.status_code, "two" in short.json()["detail"]) == (404, False)
        assert "'one'" in short.json()["detail"]


@pytest.mark.slow
async def test_short_name_is_authorized_as_the_tool_that_it_stands_for(make_app: MakeApp, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    exact, wrong = bearer(add_key(path, "exact", "one:open_tool")), bearer(add_key(path, "wrong", "one:ope"))
    async with opened(make_app(server_of(named("open_tool")), auth_keys=str(path))) as http:
        for body in ({"server": "one", "tool": "open"}, {"tool": "open"}, {"tool": "one_open_tool"}):
            assert (await http.post("/call", json=body, headers=exact)).json() == {"result": "ran"}
        assert (await http.get("/one/mcp/tools/open", headers=exact)).json()["name"] == "open_tool"
        assert (await post(http, "open")).status_code == 401
        assert (await http.post("/one/mcp/call", json={"tool": "open"}, headers=wrong)).status_code == 403
        assert (await http.get("/one/mcp/tools/open", headers=wrong)).status_code == 403


@pytest.mark.slow
async def test_name_that_fits_two_servers_reveals_nothing_about_the_one_without_scope(
    make_app: MakeApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    key = bearer(add_key(path, "ci", "my_math:*"))
    found = []
    for tool in ("math_x", "y"):
        servers = [server_of(named(tool), name="my"), server_of(named("open"), name="my_math")]
        async with opened(make_app(*servers, auth_keys=str(path))) as http:
            http.headers.update(key)
            assert (await http.post("/call", json={"tool": "my_math_open"})).json() == {"result": "ran"}
            found.append(facts(await http.post("/call", json={"tool": "my_math_x"})))
    assert found[0] == found[1]
    assert found[0][0] == 403


async def test_request_that_its_server_has_authorized_runs_if_there_is_a_caller() -> None:
    entry = Known("tasks/get")
    by = Caller("key:ci", grants=Scopes(["math:add"]))
    options: Any = {"server": "math", "entry": entry, "method": "tasks/get"}
    assert await Authorization()(make_call("tasks/get", caller=by, **options, is_authorized=True), run) is RAN
    for call in (
        make_call("tasks/get", caller=by, **options),
        make_call("tasks/get", caller=Caller(), **options, is_authorized=True),
    ):
        with pytest.raises(Forbidden):
            await Authorization()(call, run)
