"""The caller of a request: its key for counting, and the tools it sees."""

from __future__ import annotations

from typing import Any

from gateway.caller import Caller, caller
from gateway.tool import ToolInfo
from tests.calls import Granted

TOOLS: list[ToolInfo] = [{"name": name, "inputSchema": {"type": "object"}} for name in ("add", "remove")]


class Two:
    """A server of two tools."""

    name = "two"

    def tools(self) -> list[ToolInfo]:
        return TOOLS


two: Any = Two()


def test_anonymous_caller_is_counted_by_address_and_principal_by_name_at_any_address() -> None:
    assert Caller(address="10.0.0.1").key == "address 10.0.0.1"
    assert Caller("ci", "10.0.0.1").key == Caller("ci", "10.0.0.2").key == "principal ci"


def test_no_principal_name_shares_the_key_of_an_address() -> None:
    anonymous = Caller(address="10.0.0.1")
    names = ["10.0.0.1", "address 10.0.0.1", "", " ", "address"]
    assert anonymous.key not in {Caller(name).key for name in names}
    assert len({Caller(name).key for name in names}) == len(names)


def test_without_authentication_all_tools_are_listed_as_the_same_object() -> None:
    assert caller.get() == Caller()
    assert caller.get().sees(two) is TOOLS


def test_caller_sees_only_the_tools_it_may_call() -> None:
    assert Caller("ci", grants=Granted(("two", "add"))).sees(two) == TOOLS[:1]
    assert Caller("ci", grants=Granted(("two", "other"))).sees(two) == []
