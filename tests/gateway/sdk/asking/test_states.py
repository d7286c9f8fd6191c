"""States that wait for input: whose they are, and for how long."""

from __future__ import annotations

import pytest

from gateway.call import ToolCall
from gateway.caller import Caller
from gateway.errors import InvalidRequest
from gateway.sdk.asking.states import WaitingStates
from tests.calls import make_call


def call(name: str = "ann", tool: str = "tool", **arguments: object) -> ToolCall:
    made = make_call(tool, arguments)
    made.caller = Caller(name=name)
    return made


@pytest.mark.parametrize("state", ["theirs", "", None])
def test_state_of_another_server_is_read_again_for_the_same_call(state: str | None) -> None:
    states = WaitingStates()
    sealed = states.of_theirs(state, call(a=1))
    assert states.theirs_in(sealed, call(a=1)) == state
    assert "theirs-v1." in sealed


@pytest.mark.parametrize("other", [call("bob", a=1), call(tool="another", a=1), call(a=2), call()])
def test_state_of_another_server_is_refused_to_any_other_call(other: ToolCall) -> None:
    states = WaitingStates()
    with pytest.raises(InvalidRequest, match="not of this call"):
        states.theirs_in(states.of_theirs("x", call(a=1)), other)


def test_state_that_this_process_has_not_sealed_is_refused() -> None:
    states = WaitingStates()
    for state in ("", "theirs-x", states.new(), states.of_task("1", call()), WaitingStates().of_theirs("x", call())):
        with pytest.raises(InvalidRequest):
            states.theirs_in(state, call())
