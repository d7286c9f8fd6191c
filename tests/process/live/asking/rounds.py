"""A call that asks, and its continuation, on every way in. Each request has a connection of its own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from tests import wire
from tests.process.live.router import Router
from tests.process.live.sockets import ask, connected
from tests.shipped import shipped

FOLDERS = f"{shipped()}:{Path(__file__).parent / 'servers'}"
ACCEPTED = {"action": "accept", "content": {"size": 3}}
CAKE = {"dish": "cake"}
STATELESS = ("by_result", "by_resolver")
"""The tools that hold nothing in a process while they wait."""

Answer = tuple[int, Any]
Way = Callable[..., Any]


class Door:
    """The routers in turn: each request goes to the next one, from a new connection."""

    def __init__(self, *routers: Router) -> None:
        self._routers: Iterator[Router] = cycle(routers)

    def next(self) -> Router:
        return next(self._routers)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.next().port, timeout=30)
        try:
            given = {"content-type": "application/json", **(headers or {})}
            connection.request("POST", path, json.dumps(body), given)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def call(self, tool: str, arguments: Any = None, **more: Any) -> Answer:
        """Makes a call in plain JSON. `headers` are additional ones."""
        headers = more.pop("headers", None)
        return self.post("/asks/mcp/call", {"tool": tool, "arguments": arguments or CAKE, **more}, headers)


def answers_to(asked: Mapping[str, Any], answer: Any = ACCEPTED) -> dict[str, Any]:
    """Returns what a continuation has besides the call: the state, and `answer` to each question."""
    replies = dict.fromkeys(asked["inputRequests"], answer)
    return {"requestState": asked["requestState"], "inputResponses": replies}


def over_json(door: Door, tool: str) -> Any:
    status, asked = door.call(tool)
    assert status == 202, asked
    return door.call(tool, **answers_to(asked))[1].get("result")


def over_websocket(door: Door, tool: str) -> Any:
    with connected(door.next(), "/asks/mcp/ws") as client:
        asked = ask(client, id=1, tool=tool, arguments=CAKE)
    with connected(door.next(), "/ws") as client:
        return ask(client, id=1, server="asks", tool=tool, arguments=CAKE, **answers_to(asked)).get("result")


def over_mcp(door: Door, tool: str) -> Any:
    return _native(door, "/asks/mcp", tool)


def over_aggregate(door: Door, tool: str) -> Any:
    return _native(door, "/mcp", f"asks_{tool}")


def _native(door: Door, path: str, tool: str) -> Any:
    def called(**more: Any) -> Any:
        headers, body = wire.modern("tools/call", name=tool, arguments=CAKE, **more)
        body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
        return door.post(path, body, headers)[1]

    asked = called()["result"]
    return called(**answers_to(asked)).get("result", {}).get("structuredContent", {}).get("result")


WAYS: list[Way] = [over_json, over_websocket, over_mcp, over_aggregate]


def pids(router: Router, count: int, besides: Collection[int] = ()) -> set[int]:
    """Waits until `count` workers have answered, and returns their process ids."""
    door, seen = Door(router), set[int]()
    while len(seen) < count:
        with suppress(ConnectionError, http.client.BadStatusLine):  # of a worker that has just been killed
            seen |= {door.call("pid")[1]["result"]} - {*besides}
    return seen


def process_of(asked: Mapping[str, Any]) -> int:
    """Returns the id of the process in which a tool has asked in its body."""
    [request] = asked["inputRequests"].values()
    return int(request["params"]["message"].split()[-2])


class Worker:
    """A connection that stays open, and so leads to one worker."""

    def __init__(self, router: Router) -> None:
        self.connection = router.connection()

    def send(self, tool: str, arguments: Any = None, **more: Any) -> None:
        body = json.dumps({"tool": tool, "arguments": arguments or {}, **more})
        self.connection.request("POST", "/asks/mcp/call", body, {"content-type": "application/json"})

    def __call__(self, tool: str, arguments: Any = None, **more: Any) -> Answer:
        self.send(tool, arguments, **more)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


@contextmanager
def worker(router: Router, is_wanted: Callable[[int], bool]) -> Iterator[Worker]:
    """Connects until a worker answers whose process id is wanted, and provides the connection to it."""
    while True:
        found = Worker(router)
        try:
            if is_wanted(found("pid")[1]["result"]):
                yield found
                return
        finally:
            found.connection.close()
