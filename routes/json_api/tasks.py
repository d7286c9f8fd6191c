"""`GET` and `DELETE /{server}/mcp/tasks/{tool}/{id}`: the result of a task, and its cancellation."""

from __future__ import annotations

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from routes.json_api.answer import respond
from routes.json_api.call import tool_call
from routes.json_api.disconnect import watches, while_connected
from routes.json_api.task_url import PREFIX
from routes.router import TOOL
from routes.scope import CALL, SERVER


class Task:
    """Answers as the call did: 200 with the result, 202 if the task is not over. A cancellation is 204."""

    def __init__(self) -> None:
        self._watches = watches()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, (tool, _, state) = SERVER.of(scope), scope["path_params"]["tool"].rpartition("/")
        call = tool_call({"requestState": PREFIX + state}, server, tool, "tool-url", scope)
        if scope["method"] != "DELETE":
            await respond(server, call, scope, receive, send, watches=self._watches)
            return
        call.method = "tasks/cancel"
        scope[CALL.name] = call
        await while_connected(receive, server.call(call), self._watches)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def route() -> Route:
    """Returns the route under `/{server}`."""
    task: ASGIApp = Task()
    return Route(f"/mcp/tasks/{TOOL}", task, methods=["GET", "DELETE"])
