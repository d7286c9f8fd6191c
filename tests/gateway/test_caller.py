from __future__ import annotations

from typing import Any

from gateway.caller import Caller, caller
from gateway.server import ToolInfo

TOOLS: list[ToolInfo] = [{"name": name, "inputSchema": {"type": "object"}} for name in ("add", "remove")]


class Two:
    """A server of two tools."""

    name = "two"

    def tools(self) -> list[ToolInfo]:
        return TOOLS


class Only:
    """Grants one tool of each server."""

    def __init__(self, tool: str) -> None:
        self._tool = tool

    def covers(self, server: str, tool: ToolInfo | str) -> bool:
        return (tool if isinstance(tool, str) else tool["name"]) == self._tool

    def covers_all_of(self, server: str) -> bool:
        return False

    def missing(self, server: str, tool: str, asked: str) -> str:
        return f"{server}:{asked}"


two: Any = Two()


def test_a_stranger_is_counted_by_address_and_a_principal_by_name_wherever_they_are() -> None:
    assert Caller(address="10.0.0.1").key == "address 10.0.0.1"
    assert Caller("ci", "10.0.0.1").key == Caller("ci", "10.0.0.2").key == "principal ci"


def test_no_name_is_counted_with_an_address() -> None:
    stranger = Caller(address="10.0.0.1")
    names = ["10.0.0.1", "address 10.0.0.1", "", " ", "address"]
    assert stranger.key not in {Caller(name).key for name in names}
    assert len({Caller(name).key for name in names}) == len(names)


def test_where_authentication_is_off_all_tools_are_seen_as_the_same_object() -> None:
    assert caller.get() == Caller()
    assert caller.get().sees(two) is TOOLS


def test_a_caller_sees_what_they_may_call() -> None:
    assert Caller("ci", grants=Only("add")).sees(two) == TOOLS[:1]
    assert Caller("ci", grants=Only("other")).sees(two) == []
