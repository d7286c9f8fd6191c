"""A call that its server turns into a task: 202 with a URL that tells when the task is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, GetTaskRequestParams

from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.matrix.principals import GREEDY, MODEST, principals
from tests.sockets import connected
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
Http = httpx2.AsyncClient


class Params(GetTaskRequestParams):
    input_responses: dict[str, Any] | None = None


class Tasks(Extension):
    """Each call of `begins` makes a task, and one of `odd` an unknown kind of result. `told` becomes the task."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.told: dict[str, Any] = {"status": "working", "pollInterval": 2500}
        self.asked: list[str] = []

    def methods(self) -> Sequence[MethodBinding]:
        return [MethodBinding(f"tasks/{name}", Params, self._of_task) for name in ("get", "update", "cancel")]

    async def intercept_tool_call(self, params: CallToolRequestParams, ctx: Any, call_next: Any) -> Any:
        if params.name == "odd":
            return {"resultType": "example/odd", "content": []}
        return {"resultType": "task", "taskId": "one", **self.told}

    async def _of_task(self, ctx: Any, params: Params) -> dict[str, Any]:
        self.asked.append(ctx.method)
        if self.told["status"] == "deleted":
            raise MCPError(INVALID_PARAMS, "a secret")
        if self.told["status"] == "broken":
            raise RuntimeError("a secret")
        return {"taskId": params.task_id, **self.told}


async def begins() -> int:
    raise AssertionError("each call makes a task")


async def other() -> int:
    return 1


async def odd() -> int:
    return 1


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def server(tasks: Tasks) -> MCPServer[Any]:
    return server_of(begins, other, odd, extensions=[tasks])


@pytest.fixture
async def http(anyio_backend: str, make_app: MakeApp, server: MCPServer[Any]) -> AsyncIterator[Http]:
    async with opened(make_app(server)) as client:
        yield client


async def begun(http: Http) -> str:
    """Returns the URL of a task."""
    answer = await post(http, "begins")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "3")
    assert (answer.json()["resultType"], answer.json()["taskId"], answer.json()["status"]) == ("task", "one", "working")
    url: str = answer.headers["location"]
    assert url.startswith("/one/mcp/tasks/begins/")
    return url


async def test_task_is_polled_until_it_has_its_result(http: Http, tasks: Tasks) -> None:
    url = await begun(http)
    waiting = await http.get(url)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "3")
    assert waiting.headers["location"].startswith("/one/mcp/tasks/begins/")
    tasks.told = {
        "status": "completed",
        "result": {"content": [{"type": "text", "text": "42"}], "structuredContent": {"result": 42}},
    }
    over = await http.get(waiting.headers["location"])
    assert (over.status_code, over.json()) == (200, {"result": 42})
    assert (await http.get(url)).json() == {"result": 42}


@pytest.mark.parametrize(
    ("told", "status", "slug", "detail"),
    [
        ({"status": "failed", "error": {"code": -32603, "message": "too hot"}}, 422, "tool-error", "too hot"),
        ({"status": "failed"}, 422, "tool-error", "The task failed."),
        ({"status": "completed", "result": {"content": [], "isError": True}}, 422, "tool-error", ""),
        ({"status": "cancelled"}, 410, "gone", "The task was cancelled."),
        ({"status": "completed"}, 502, "upstream-error", "The server answered with a kind of result that this"),
        ({"status": "broken"}, 500, "tool-crashed", "The tool failed unexpectedly."),
        ({"status": "deleted"}, 404, "not-found", "The caller has no such task"),
    ],
)
async def test_task_that_has_no_result_is_the_error_of_its_end(
    http: Http, tasks: Tasks, told: dict[str, Any], status: int, slug: str, detail: str
) -> None:
    url = await begun(http)
    tasks.told = told
    answer = await http.get(url)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:multi-mcp:error:{slug}")
    assert answer.json()["detail"].startswith(detail)
    assert "secret" not in answer.text


async def test_task_is_cancelled_by_delete(http: Http, tasks: Tasks) -> None:
    url = await begun(http)
    answer = await http.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert tasks.asked == ["tasks/cancel"]


async def test_input_of_a_task_is_posted_with_its_state(http: Http, tasks: Tasks) -> None:
    question = {"size": {"method": "elicitation/create", "params": {"message": "How big?"}}}
    tasks.told = {"status": "input_required", "inputRequests": question}
    asked = (await post(http, "begins")).json()
    assert asked["inputRequests"] == question
    tasks.told = {"status": "completed", "result": {"content": [], "structuredContent": {"result": 1}}}
    body = {"tool": "begins", "requestState": asked["requestState"], "inputResponses": {"size": {"action": "decline"}}}
    assert (await http.post("/one/mcp/call", json=body)).json() == {"result": 1}
    assert tasks.asked == ["tasks/update", "tasks/get"]


@pytest.mark.parametrize("path", ["begins/x", "begins/", "begins", "other/v1.AAAA", "nothing/x", "", "x" * 3000])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_unknown_task_is_404(http: Http, tasks: Tasks, method: str, path: str) -> None:
    answer = await http.request(method, f"/one/mcp/tasks/{path}")
    assert answer.status_code == 404
    assert tasks.asked == []


async def test_other_methods_are_405(http: Http) -> None:
    answer = await http.post("/one/mcp/tasks/begins/x", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_task_belongs_to_one_caller_and_tool(
    make_app: MakeApp, server: MCPServer[Any], tasks: Tasks, tmp_path: Path
) -> None:
    settings = principals(tmp_path, "one:begins", "one:other")
    async with opened(make_app(server, **settings)) as http:
        http.headers.update(GREEDY)
        url = await begun(http)
        refused = [await http.get(url, headers=MODEST), await http.get(url.replace("begins", "other"))]
        assert [(answer.status_code, answer.json()["type"]) for answer in refused] == [
            (404, "urn:multi-mcp:error:not-found")
        ] * 2
        assert (await http.get(url, headers={"authorization": "Bearer x"})).status_code == 401
        assert tasks.asked == []
        assert (await http.get(url)).status_code == 202  # the scope of its tool is enough


async def test_unknown_kind_of_result_is_502_and_not_null(http: Http) -> None:
    answer = await post(http, "odd")
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:multi-mcp:error:upstream-error")


async def test_url_of_a_task_has_the_prefix_of_a_proxy(make_app: MakeApp, server: MCPServer[Any]) -> None:
    async with opened(make_app(server, public_url="https://example.com/tools")) as http:
        answer = await post(http, "begins")
    assert answer.headers["location"].startswith("/tools/one/mcp/tasks/begins/")


async def test_task_over_websocket_is_polled_with_its_state(
    make_app: MakeApp, server: MCPServer[Any], tasks: Tasks
) -> None:
    app = make_app(server)
    async with opened(app), connected(app, "/one/mcp/ws") as socket:
        task = await socket.ask({"id": 1, "tool": "begins"})
        assert (task["id"], task["resultType"], task["status"]) == (1, "task", "working")
        tasks.told = {"status": "completed", "result": {"content": [], "structuredContent": {"result": 1}}}
        frame = {"id": 2, "tool": "begins", "requestState": task["requestState"]}
        assert await socket.ask(frame) == {"id": 2, "result": 1}
