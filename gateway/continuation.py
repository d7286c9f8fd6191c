"""A call that waits for input in one process, and is continued from another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.call import CallNext, Report, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """The request that continues the call which waits in `process` under `state`.

    `owner` is the principal who sent it. `wants_reports` is True if it waits for progress and log messages.
    """

    process: str
    server: str
    tool: str
    state: str
    owner: str | None
    request_id: str
    answers: Mapping[str, Any] | None
    wants_reports: bool


class Relay(Protocol):
    """The way to the calls that wait in other processes."""

    @property
    def process(self) -> str:
        """The name of this process, which is in the state of each call that waits in it."""
        ...

    def serving(self, server: str, resume: CallNext) -> AbstractContextManager[None]:
        """Lets other processes continue the calls of a local server inside of the block."""
        ...

    async def resume(
        self, continuation: Continuation, report: Report | None, progressed: Callable[[], None]
    ) -> ToolResult:
        """Continues the call in its process. Its cancellation cancels the tool there.

        Raises:
            Gone: the process is gone, or there is no way to it.
            GatewayError: the other process raised it.
        """
        ...
