"""The console of a router with two worker processes and no Redis."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.process.live.conftest import Start
from tests.process.live.router import Router

pytestmark = pytest.mark.process


class Page:
    """The events of one page, from whichever worker it reached."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        self.calls: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        self.missed = 0

    def until(self, found: Callable[[Page], Any]) -> None:
        """Reads until the page has what is wanted."""
        until, kind = time.monotonic() + 90, ""
        while not found(self):
            assert time.monotonic() < until, self.state
            name, _, value = self._answer.readline().decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "state":
                self.state = json.loads(value)
            elif name == "data":
                data = json.loads(value)
                self.calls += data["calls"]
                self.missed += data["missed"]


@contextmanager
def page(router: Router) -> Iterator[Page]:
    with router.sent("GET", "/console/data/events") as answer:
        assert answer.status == 200
        yield Page(answer)


def steps(page: Page) -> list[dict[str, Any]]:
    return [call for call in page.calls if call["tool"] == "steps_tool"]


def seen(router: Router, count: int) -> set[int]:
    """Makes calls, and returns the ids of the workers that answered them."""
    return {router.call("slow", "pid")[1]["result"] for _ in range(count)}


def test_one_page_shows_the_calls_of_both_workers_and_cancels_in_both(start: Start) -> None:
    router = start(WORKERS="2", MCP_CONSOLE="1").await_workers(2)
    with page(router) as shown:
        shown.until(lambda each: len(each.state.get("processes", ())) == 2)
        assert (shown.state["reach"], shown.state["trouble"]) == ("workers", "")
        for _ in range(100):
            router.call("slow", "steps", count=1)
        shown.until(lambda each: len(steps(each)) == 100)
        assert len({call["process"] for call in steps(shown)}) == 2
        assert len({(call["process"], call["number"]) for call in shown.calls}) == len(shown.calls)
        for _ in range(6):  # whichever worker has the call, and whichever is asked
            with router.calling("slow", "wait", seconds=60) as call:
                shown.until(lambda each: any(one["running"] for one in each.state["processes"]))
                (process,) = [each for each in shown.state["processes"] if each["running"]]
                body = {"process": process["process"], "number": process["running"][0]["number"]}
                with router.sent("POST", "/console/cancel", {"content-type": "application/json"}, body) as answer:
                    assert json.loads(answer.read()) == {"cancelled": True}
                assert json.loads(call.getresponse().read())["type"] == "urn:multi-mcp:error:cancelled"
                shown.until(lambda each: not any(one["running"] for one in each.state["processes"]))
        assert shown.missed == 0


def test_page_goes_on_with_the_successor_of_a_worker_that_was_killed(start: Start) -> None:
    router = start(WORKERS="2", MCP_CONSOLE="1").await_workers(2)
    with page(router) as shown:
        shown.until(lambda each: len(each.state.get("processes", ())) == 2)
        own = shown.state["processes"][0]["process"]
        seen(router, 30)
        shown.until(lambda each: len({call["process"] for call in each.calls}) == 2)
        ids = seen(router, 60)
        other = (ids - {served_by(router, own, ids)}).pop()
        os.kill(other, signal.SIGKILL)
        shown.until(lambda each: [one["process"] for one in each.state["processes"]] == [own])
        shown.until(lambda each: not each.state["trouble"] and len(each.state["processes"]) == 2)
        names = {call["process"] for call in shown.calls}
        for _ in range(500):
            if other not in seen(router, 4):
                break
        shown.until(lambda each: seen(router, 4) and {call["process"] for call in each.calls} - names)
        assert shown.missed == 0


def served_by(router: Router, process: str, ids: set[int]) -> int:
    """Returns the id of the worker of this name: of the one whose own state comes first."""
    for _ in range(200):
        connection = router.connection()
        connection.request("GET", "/console/data/sessions")
        first = json.loads(connection.getresponse().read())["processes"][0]["process"]
        body = json.dumps({"tool": "pid"})
        connection.request("POST", "/slow/mcp/call", body, {"content-type": "application/json"})
        found: int = json.loads(connection.getresponse().read())["result"]
        connection.close()
        if first == process:
            assert found in ids
            return found
    raise AssertionError("no connection reached the worker")
