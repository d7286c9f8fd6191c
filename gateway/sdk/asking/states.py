"""The `requestState` of calls that wait for input, and of tasks: sealed names of what the caller may go on with."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TypeGuard

from mcp.server.request_state import InvalidRequestState

from gateway.call import CallNext, Relay, ToolCall, ToolResult
from gateway.errors import Gone, InvalidRequest, UnknownTask
from gateway.sdk.request_state import StateKeys
from gateway.server import Callee

UNKNOWN = "No call waits under this `requestState`: it is unknown, answered or expired."
NOT_OF_THIS_CALL = "This `requestState` is not of this call, or has expired."
_PREFIX = "call-"
_KIND = b"waits in "
_UNKNOWN_KEY = "unknown key"
"""The SDK's reason for a state that another key has sealed."""

TTL = 600.0
"""Seconds for which a state is valid that is another server's own."""

TASK_PREFIX = "task-"
_THEIRS_PREFIX = "theirs-"


def names_a_task(state: str | None) -> TypeGuard[str]:
    return state is not None and state.startswith(TASK_PREFIX)


def names_a_waiting_call(state: str | None) -> TypeGuard[str]:
    return state is not None and state.startswith(_PREFIX)


class WaitingStates:
    """Makes and reads the states of this process. `relay` leads to other processes, if there is a way to them."""

    def __init__(self, keys: StateKeys | None = None, relay: Relay | None = None) -> None:
        self.keys = keys or StateKeys()
        self.relay = relay
        self._process = relay.process if relay is not None else secrets.token_hex(16)

    def new(self) -> str:
        """Returns a state that no other call has: each seal is different."""
        return _PREFIX + self.keys.seal(_KIND + self._process.encode())

    def process_of(self, state: str) -> str | None:
        """Returns the name of the process in which the call waits; None if it is this one.

        Raises:
            InvalidRequest: the state is none of ours.
            Gone: another key has sealed it, and so a process that is gone or has nothing to do with this one.
        """
        try:
            kind, _, process = self.keys.unseal(state.removeprefix(_PREFIX)).rpartition(b" ")
        except InvalidRequestState as exc:
            raise Gone() if str(exc) == _UNKNOWN_KEY else InvalidRequest(UNKNOWN) from exc
        if kind + b" " != _KIND:
            raise InvalidRequest(UNKNOWN)
        return None if process.decode() == self._process else process.decode()

    def of_task(self, task: str, call: ToolCall) -> str:
        """Returns the state of a task, for the caller and the tool of `call` alone."""
        return TASK_PREFIX + self.keys.seal(json.dumps([task, *_binding(call)]).encode())

    def task_in(self, state: str, call: ToolCall) -> str:
        """Returns the id of a task. Raises UnknownTask for the state of another caller or tool, or none of ours."""
        try:
            task, *binding = json.loads(self.keys.unseal(state.removeprefix(TASK_PREFIX)))
        except (InvalidRequestState, ValueError, TypeError) as exc:
            raise UnknownTask from exc
        if binding != _binding(call):
            raise UnknownTask
        return str(task)

    def of_theirs(self, state: str | None, call: ToolCall) -> str:
        """Returns the state of another server, which may have none, for the caller, tool and arguments of `call`."""
        sealed = [state, time.time() + TTL, _digest(call), *_binding(call)]
        return _THEIRS_PREFIX + self.keys.seal(json.dumps(sealed).encode())

    def theirs_in(self, state: str, call: ToolCall) -> str | None:
        """Returns what `of_theirs` sealed. Raises InvalidRequest for the state of another call, or one that expired."""
        try:
            theirs, until, *bound = json.loads(self.keys.unseal(state.removeprefix(_THEIRS_PREFIX)))
            is_valid = time.time() < until and bound == [_digest(call), *_binding(call)]
        except (InvalidRequestState, ValueError, TypeError) as exc:
            raise InvalidRequest(NOT_OF_THIS_CALL) from exc
        if not is_valid or not state.startswith(_THEIRS_PREFIX):
            raise InvalidRequest(NOT_OF_THIS_CALL)
        return None if theirs is None else str(theirs)

    def serving(self, server: Callee, execute: CallNext) -> AbstractContextManager[None]:
        """Lets other processes continue the calls of `server` inside of the block. Interceptors have acted there."""

        async def resume(call: ToolCall) -> ToolResult:
            entry = server.find(call.tool)
            if entry is not None and entry.versions is not None:
                entry = entry.versions.exact(call.requested)
            call.entry = entry
            return await execute(call)

        return nullcontext() if self.relay is None else self.relay.serving(server.name, resume)


def _binding(call: ToolCall) -> list[str | None]:
    return [call.server, call.tool, call.caller.owner]


def _digest(call: ToolCall) -> str:
    return hashlib.sha256(json.dumps(call.arguments, sort_keys=True).encode()).hexdigest()
