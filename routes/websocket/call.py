"""One call on a WebSocket, from its frame to its last frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.call import ToolCall
from gateway.cancellation import was_requested
from gateway.errors import GatewayError
from gateway.server import Callee
from routes.errors import document, of_refusal
from routes.json_api.version import shown_version
from routes.websocket.frames import Id, error_frame, report_frame, result_frame
from routes.websocket.outgoing import Outgoing

logger = logging.getLogger(__name__)


class SocketCall:
    """Runs a call in its own task, which inherits the request id and the caller of the task that creates it.

    `finished` is called after the last frame was sent, not before: a client that reads slowly then has at most as many
    answers waiting as it may have calls in flight.
    """

    def __init__(
        self, id_: Id | None, server: Callee, call: ToolCall, outgoing: Outgoing, finished: Callable[[Id | None], None]
    ) -> None:
        self._id = id_
        self._server = server
        self._call = replace(call, report=self._report)
        self._outgoing = outgoing
        self._finished = finished
        self._has_outcome = False
        self._cancelled_by = "cancelled", "The call was cancelled."
        self.task = asyncio.create_task(self._run())

    def cancel(self, slug: str = "cancelled", detail: str = "The call was cancelled.") -> None:
        """Cancels the call. `slug` and `detail` go into the problem document of its last frame."""
        self._cancelled_by = slug, detail
        # Not at once: a task that is cancelled before its first step never runs, and would send no last frame.
        asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        if not self._has_outcome:
            self.task.cancel()

    async def _run(self) -> None:
        last = await self._last_frame()
        self._has_outcome = True
        try:
            await self._outgoing.send(last)
        finally:
            self._finished(self._id)

    async def _last_frame(self) -> bytes:
        try:
            result = await self._server.call(self._call)
        except GatewayError as exc:
            return error_frame(self._id, of_refusal(exc, self._call))
        except GeneratorExit:
            raise
        except BaseException as exc:  # without an answer the client would wait for ever
            if isinstance(exc, asyncio.CancelledError) and was_requested(exc):
                return self._problem(*self._cancelled_by)
            logger.exception("Unhandled exception in a WebSocket call")
            return self._problem("internal-error", "The log has the reason under the request id.")
        if result.is_error:
            return self._problem("tool-error", result.message)
        return result_frame(self._id, result, shown_version(self._call.entry))

    def _problem(self, slug: str, detail: str) -> bytes:
        return error_frame(self._id, document(slug, detail, server=self._call.server, tool=self._call.tool))

    async def _report(self, name: str, fields: Mapping[str, Any]) -> None:
        if not self._has_outcome:  # a background task of the tool may report after the tool has returned
            await self._outgoing.send(report_frame(self._id, name, fields))
