"""One call on a WebSocket: from its frame to its one last frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from gateway.call import ToolCall
from gateway.errors import GatewayError
from gateway.server import Callee
from routes.errors import document, of_refusal
from routes.websocket.frames import Id, answer, error, report
from routes.websocket.outgoing import Outgoing

logger = logging.getLogger(__name__)


class Flight:
    """Runs in a task of its own, which has the context of the one that makes it: the request id, the caller.

    `landed` is told when the last frame is sent. Until then the call is in flight, so that a client that reads slowly
    has no more than its number of answers waiting.
    """

    def __init__(
        self, id_: Id, server: Callee, call: ToolCall, outgoing: Outgoing, landed: Callable[[Id], None]
    ) -> None:
        self._id = id_
        self._server = server
        self._call = call
        self._outgoing = outgoing
        self._landed = landed
        self._over = False
        self._given_up = "cancelled", "The call was cancelled."
        call.report = self._report
        self.task = asyncio.create_task(self._run())

    def cancel(self, slug: str = "cancelled", detail: str = "The call was cancelled.") -> None:
        """Give the call up; `slug` and `detail` are what its last frame says."""
        self._given_up = slug, detail
        # Not now: a task that has not begun would never run, and never answer.
        asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self) -> None:
        if not self._over:
            self.task.cancel()

    async def _run(self) -> None:
        last = await self._last()
        self._over = True
        try:
            await self._outgoing.send(last)
        finally:
            self._landed(self._id)

    async def _last(self) -> bytes:
        """The last frame."""
        try:
            result = await self._server.call(self._call)
        except GatewayError as exc:
            return error(self._id, of_refusal(exc, self._call))
        except asyncio.CancelledError:
            return self._problem(*self._given_up)
        except Exception:  # ours: nobody else would answer this call, and the others go on
            logger.exception("A call over WebSocket failed")
            return self._problem("internal-error", "The log has the reason under the request id.")
        if result.is_error:
            return self._problem("tool-error", result.message)
        return answer(self._id, result)

    def _problem(self, slug: str, detail: str) -> bytes:
        return error(self._id, document(slug, detail, server=self._call.server, tool=self._call.tool))

    async def _report(self, name: str, fields: Mapping[str, Any]) -> None:
        if not self._over:  # a task that the tool has left behind may still report
            await self._outgoing.send(report(self._id, name, fields))
