"""Tests of a caller with the scope of one tool, who polls the tool's tasks and reads its UI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.apps import Apps
from mcp.server.mcpserver import MCPServer

from gateway.auth import tool_parts
from gateway.auth.scopes import Scopes
from gateway.auth.tool_parts import ToolParts
from gateway.caller import Caller
from tests.calls import Broken
from tests.clients import ERAS, Era
from tests.conftest import MakeApp
from tests.gateway.aggregate.tasks import OF_TASK, Tasks
from tests.gateway.auth.test_native_access import asked
from tests.keys import add_key, bearer
from tests.transport import opened
from tests.wire import modern

pytestmark = pytest.mark.anyio
Http = httpx2.AsyncClient
SCOPES = {
    "begin": "one:begin",
    "same": "one:begin",
    "other": "one:begin_other",
    "none": "two:*",
    "server": "one:*",
}
UI = "ui://clock/app.html"


def make(name: str) -> MCPServer[Any]:
    """Returns a server whose tools `begin` and `begin_other` make tasks, and have a UI each."""
    apps = Apps()
    for tool, uri in (("begin", UI), ("begin_other", "ui://other")):
        apps.add_html_resource(uri, f"ui of {tool} of {name}")
        apps.tool(resource_uri=uri, name=tool)(_begin)
    server: MCPServer[Any] = MCPServer(name, extensions=[Tasks(name), apps])
    server.resource("note://1", name="note")(lambda: "note")
    return server


async def _begin() -> str:
    raise AssertionError("each call makes a task")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, dict[str, str]]:
    """The headers of a caller of each name."""
    path = tmp_path / "keys.json"
    return {name: bearer(add_key(path, name, scope)) for name, scope in SCOPES.items()}


@pytest.fixture
async def http(anyio_backend: str, make_app: MakeApp, keys: Mapping[str, Any], tmp_path: Path) -> AsyncIterator[Http]:
    async with opened(make_app(make("one"), make("two"), auth_keys=str(tmp_path / "keys.json"))) as client:
        yield client


async def begun(http: Http, url: str, headers: Mapping[str, str]) -> str:
    """Calls the tool `begin` and returns the id of the task."""
    name = "begin" if url == "/one/mcp" else "one_begin"
    task: str = (await asked(http, "modern", url, headers, "tools/call", name=name, arguments={}))["result"]["taskId"]
    return task


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_task_is_for_its_own_caller_and_for_callers_of_the_whole_server(
    http: Http, keys: dict[str, dict[str, str]], url: str
) -> None:
    task = await begun(http, url, keys["begin"])
    for method in OF_TASK:
        for name in SCOPES:
            answer = await asked(http, "modern", url, keys[name], f"tasks/{method}", taskId=task)
            if name in ("begin", "server"):
                assert answer["result"]["taskId"] == task
            elif name == "none" and url == "/mcp":
                assert answer["error"]["message"] == "Unknown task"
            else:
                assert answer["error"]["data"] == {"type": "forbidden", "scope": "one:*"}


@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_tasks_are_listed_to_their_own_caller(http: Http, keys: dict[str, dict[str, str]], url: str) -> None:
    first, second = await begun(http, url, keys["begin"]), await begun(http, url, keys["same"])
    for name, expected in (("begin", [first]), ("same", [second]), ("other", []), ("server", [first, second])):
        listed = (await asked(http, "modern", url, keys[name], "tasks/list"))["result"]["tasks"]
        assert [task["taskId"] for task in listed] == expected


@pytest.mark.slow
async def test_task_begun_at_one_endpoint_is_polled_at_the_other(http: Http, keys: dict[str, dict[str, str]]) -> None:
    task = await begun(http, "/one/mcp", keys["begin"])
    answer = await asked(http, "modern", "/mcp", keys["begin"], "tasks/get", taskId=f"one:{task}")
    assert answer["result"]["taskId"] == f"one:{task}"


async def test_invented_and_malformed_task_ids_are_refused(http: Http, keys: dict[str, dict[str, str]]) -> None:
    await begun(http, "/one/mcp", keys["begin"])
    for params in ({"taskId": "task-2"}, {"taskId": 1}, {"taskId": ["task-1"]}, {}):
        error = (await asked(http, "modern", "/one/mcp", keys["begin"], "tasks/get", **params))["error"]
        assert error["data"]["type"] == "forbidden"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_ui_is_read_by_callers_of_its_tool(
    http: Http, keys: dict[str, dict[str, str]], era: Era, url: str
) -> None:
    uris = [UI, "ui://other", "note://1"] if url == "/one/mcp" else ["ui://one/clock/app.html", "ui://one/other"]
    readable = {}
    for name in ("begin", "other", "server"):
        answers = [await asked(http, era, url, keys[name], "resources/read", uri=uri) for uri in uris]
        readable[name] = [uri for uri, answer in zip(uris, answers, strict=True) if "result" in answer]
        assert all(answer["error"]["data"]["type"] == "forbidden" for answer in answers if "error" in answer)
    assert readable == {"begin": uris[:1], "other": uris[1:2], "server": uris}
    assert "error" in await asked(http, era, url, keys["none"], "resources/read", uri=uris[0])


@pytest.mark.parametrize("params", [{"uri": ["ui://clock/app.html"]}, {"uri": None}, {}])
@pytest.mark.slow
async def test_malformed_uri_is_refused(http: Http, keys: dict[str, dict[str, str]], params: dict[str, Any]) -> None:
    headers, body = modern("resources/read", uri="x")
    body["params"] = {"_meta": body["params"]["_meta"], **params}
    answer = (await http.post("/one/mcp", json=body, headers={**headers, **keys["begin"]})).json()
    assert answer["error"]["code"] in (-32000, -32602, -32020)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("url", ["/one/mcp", "/mcp"])
@pytest.mark.slow
async def test_ui_is_listed_to_callers_of_its_tool(
    http: Http, keys: dict[str, dict[str, str]], era: Era, url: str
) -> None:
    uri = UI if url == "/one/mcp" else "ui://one/clock/app.html"
    listed = (await asked(http, era, url, keys["begin"], "resources/list"))["result"]["resources"]
    assert [resource["uri"] for resource in listed] == [uri]


async def test_oldest_tasks_of_a_principal_and_of_all_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server(Broken):
        def tools(self) -> Any:
            return ({"name": "begin", "inputSchema": {}},)

    def caller(name: str) -> Caller:
        return Caller(name, grants=Scopes(["one:begin"]))

    monkeypatch.setattr(tool_parts, "MAX_TASKS", 4)
    monkeypatch.setattr(tool_parts, "MAX_TASKS_OF_ONE", 2)
    parts = ToolParts(Server())
    for name in ("one", "two", "three"):
        for task in ("1", "2", "3"):
            parts.note(caller(name), "begin", {"resultType": "task", "taskId": task})
    owned = [(name, task) for name in ("one", "two", "three") for task in "123" if parts.owns_task(caller(name), task)]
    assert owned == [("two", "2"), ("two", "3"), ("three", "2"), ("three", "3")]
