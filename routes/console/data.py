"""The data of the console, as JSON. Each URL needs `console:read`, except those of what the caller may do itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway import VERSION
from gateway.caller import caller
from gateway.console.figures import added
from gateway.console.logins import Logins
from gateway.console.source import Shown, Source, without_content
from gateway.errors import InvalidRequest, UnknownTool
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refused
from routes.console.access import ACTIONS, may, require
from routes.console.cookie import cookie
from routes.console.pages import ROOT
from routes.json_api.body import read_object
from routes.scope import LOGIN

MAX_BODY = 4096
MAX_CREDENTIAL = 16 * 1024


class Data:
    """`settings` says of each setting its name, its meaning and if it is set. It has no values."""

    def __init__(
        self,
        source: Source,
        registry: Registry,
        refused: Refused,
        logins: Logins | None,
        *,
        settings: Sequence[dict[str, Any]],
        with_arguments: bool,
        sessions: Callable[[], int],
        has_admin: bool,
    ) -> None:
        self._source = source
        self._registry = registry
        self._refused = refused
        self._logins = logins
        self._settings = settings
        self._with_arguments = with_arguments
        self._sessions = sessions
        self._has_admin = has_admin

    def routes(self) -> list[BaseRoute]:
        reads = {
            "me": self.me,
            "calls/{request_id}": self.call,
            "tools": self.tools,
            "tool": self.tool,
            "servers": self.servers,
            "sessions": self.sessions,
            "refusals": self.refusals,
            "settings": self.settings,
        }
        changes = {"cancel": self.cancel} | ({} if self._logins is None else {"login": self.login})
        return [
            *(Route(f"{ROOT}/data/{path}", endpoint) for path, endpoint in reads.items()),
            *(Route(f"{ROOT}/{path}", endpoint, methods=["POST"]) for path, endpoint in changes.items()),
        ]

    async def me(self, request: Request) -> Response:
        """Answers with what the caller may do here; every caller may ask."""
        if may("read"):
            await self._source.watch()
        may_do: dict[str, bool] = {action: may(action) for action in ACTIONS}
        may_do["arguments"] = may_do["arguments"] and self._with_arguments
        grants = caller.get().grants
        may_do["admin"] = self._has_admin and grants is not None and grants.administers()
        about = {"caller": caller.get().name, "may": may_do, "authentication": self._logins is not None}
        return _json({**about, "arguments": self._with_arguments, "version": VERSION})

    async def call(self, request: Request) -> Response:
        """Answers with the calls of a request, which may be several on a WebSocket."""
        require("read", self._refused)
        request_id = request.path_params["request_id"]
        calls = await self._source.of_request(request_id)
        states = await self._source.states()
        running = [
            {**each, "process": state["process"], "now": state["now"]}
            for state in states
            for each in state["running"]
            if each["request_id"] == request_id
        ]
        shown = calls if may("arguments") else [_bare(call) for call in calls]
        return _json({"calls": shown, "running": running, **self._extent(states)})

    async def tools(self, request: Request) -> Response:
        """Answers with every tool and its figures."""
        require("read", self._refused)
        found = added(await self._source.figures())
        names = {
            f"{server.name}:{tool['name']}": {"title": tool.get("title"), "annotations": tool.get("annotations", {})}
            for server in self._registry
            for tool in server.tools()
        }
        rows = [
            {"server": server, "tool": tool, "listed": key in names, **names.get(key, {}), **found.get(key, {})}
            for key in {**names, **found}
            for server, _, tool in [key.partition(":")]
        ]
        return _json({"tools": rows, **self._extent(await self._source.states())})

    async def tool(self, request: Request) -> Response:
        """Answers with the definition of one tool that the caller may call."""
        server = self._registry[request.query_params.get("server", "")]
        name = request.query_params.get("tool", "")
        seen = caller.get().sees(server)
        info = next((tool for tool in seen if tool["name"] == name), None)
        if info is None:
            raise UnknownTool(name, [tool["name"] for tool in seen], server.name)
        return _json({"server": server.name, **info})

    async def servers(self, request: Request) -> Response:
        """Answers with each server of this process, its state, and why it did not start."""
        require("read", self._refused)
        rows = [
            {
                **{"server": held.server.name, "state": held.state, "tools": len(held.server.tools())},
                **{"sessions": held.server.sessions, "detail": dict(held.server.status)},
                "failure": str(held.failure) if held.failure is not None else None,
            }
            for held in self._registry.all_held()
        ]
        return _json({"servers": rows, **self._extent(await self._source.states())})

    async def sessions(self, request: Request) -> Response:
        require("read", self._refused)
        rows = [{"server": server.name, "sessions": server.sessions} for server in self._registry]
        found = await self._source.connections()
        states = await self._source.states()
        shown = [{name: value for name, value in state.items() if name != "running"} for state in states]
        about = {**self._extent(states), "processes": shown, "aggregate": self._sessions(), "now": time.time()}
        return _json({**about, "servers": rows, "open": found})

    async def refusals(self, request: Request) -> Response:
        require("read", self._refused)
        found = sorted(await self._source.refusals(), key=lambda each: -each["at"])
        return _json({"refusals": found, **self._extent(await self._source.states())})

    def _extent(self, states: Sequence[Shown]) -> dict[str, Any]:
        """Returns whose data a page has, and in `trouble` what is missing of it."""
        return {"reach": self._source.reach, "trouble": self._source.trouble, "processes": len(states)}

    async def settings(self, request: Request) -> Response:
        require("read", self._refused)
        return _json({"settings": self._settings})

    async def cancel(self, request: Request) -> Response:
        """Cancels a call in flight, in whichever process it is."""
        require("cancel", self._refused)
        body = await read_object(request.scope, request.receive, MAX_BODY)
        process, number = body.get("process"), body.get("number")
        if not isinstance(process, str) or type(number) is not int:
            raise InvalidRequest("`process` must be a string, and `number` a whole number.")
        return _json({"cancelled": await self._source.cancel(process, number)})

    async def login(self, request: Request) -> Response:
        """Gives a browser the cookie that stands for the credential of this request."""
        given = LOGIN.pop(request.scope)
        credential = given() if given is not None else ""
        assert self._logins is not None
        if not credential or len(credential) > MAX_CREDENTIAL:
            raise InvalidRequest("A login needs a key or a token in Authorization.")
        headers = cookie(request.scope, await self._logins.begin(credential))
        return Response(status_code=204, headers={**headers, "Cache-Control": "no-store"})


def _bare(call: dict[str, Any]) -> dict[str, Any]:
    """Returns a call with its marks, which have no text of the tool's own here."""
    marks = [[at, name, ""] for at, name, _ in call.get("marks", ())]
    return {**without_content(call), "marks": marks, "steps": call.get("steps", ())}


def _json(document: Any) -> Response:
    # Escaped to ASCII: a name may have lone surrogates, which UTF-8 has not.
    return Response(json.dumps(document, default=str), 200, {"Cache-Control": "no-store"}, "application/json")
