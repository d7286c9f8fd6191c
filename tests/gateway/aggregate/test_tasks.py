"""Tasks over all servers: the id of a task leads to its server."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.clients import open_session
from tests.conftest import MakeApp
from tests.gateway.aggregate.listing import make as make_without_tasks
from tests.gateway.aggregate.tasks import OF_TASK, make
from tests.transport import opened
from tests.wire import messages, modern, request

pytestmark = pytest.mark.anyio


async def asked(http: httpx2.AsyncClient, method: str, **params: Any) -> dict[str, Any]:
    """Returns the response, with `result` or `error`."""
    headers, body = modern(method, **params)
    answer: dict[str, Any] = (await http.post("/mcp", json=body, headers=headers)).json()
    return answer


@pytest.mark.slow
async def test_task_of_each_server_is_polled_and_cancelled_by_its_id(make_app: MakeApp) -> None:
    (north, of_north), (south, of_south) = make("north"), make("south_pole")
    async with opened(make_app(north, south, make_without_tasks("other"))) as http:
        ids = []
        for server in ("north", "south_pole"):
            task = (await asked(http, "tools/call", name=f"{server}_begin", arguments={}))["result"]
            assert (task["resultType"], task["status"]) == ("task", "working")
            ids.append(task["taskId"])
        assert len({*ids}) == 2
        assert [task["taskId"] for task in (await asked(http, "tasks/list"))["result"]["tasks"]] == ids
        for method in OF_TASK:
            result = (await asked(http, f"tasks/{method}", taskId=ids[1]))["result"]
            assert result["taskId"] == ids[1]
            assert result["result"] == {
                "content": [{"type": "resource_link", "name": "link", "uri": "skill://south_pole/pdf/SKILL.md"}],
                "structuredContent": {"taskId": "task-1"},  # the author's own
                "server": "south_pole",
            }
        assert of_south.made == {"task-1": "cancelled"}
        assert of_north.made == {"task-1": "working"}
        assert of_north.asked == []


async def test_tasks_are_polled_in_a_session_too(make_app: MakeApp) -> None:
    (north, _), (south, tasks) = make("north"), make("south_pole")
    tasks.made["task-7"] = "working"
    async with opened(make_app(north, south)) as http:
        session = await open_session(http, "/mcp")
        listed = await http.post("/mcp", json=request("tasks/list"), headers=session)
        [task] = messages(listed.text)[-1]["result"]["tasks"]
        assert task == {"taskId": "south_pole:task-7", "status": "working"}
        got = await http.post("/mcp", json=request("tasks/get", taskId=task["taskId"]), headers=session)
        assert messages(got.text)[-1]["result"]["taskId"] == task["taskId"]


async def test_unknown_task_is_an_error_that_names_no_server(make_app: MakeApp) -> None:
    async with opened(make_app(make("north")[0])) as http:
        for task in ("task-1", "nowhere:task-1", ""):
            error = (await asked(http, "tasks/get", taskId=task))["error"]
            assert (error["code"], error["message"]) == (-32602, "Unknown task")


@pytest.mark.slow
async def test_without_a_server_with_tasks_there_are_none(make_app: MakeApp) -> None:
    async with opened(make_app(make_without_tasks("other"))) as http:
        assert (await asked(http, "tasks/get", taskId="other:1"))["error"]["code"] == -32601
