"""Messages that a server of sessions sends on a stream beside the answer: notifications, and requests of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.upstream.calls.questions import Questions
from gateway.upstream.http.answers import Message
from gateway.upstream.link import LOGGED, Heard, Origin, Params, Report

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Told:
    """Takes the messages of one stream, which belong to a request of `origin`.

    `reports` take the progress of the link's requests, by token. `send` sends a message in the session of the stream.
    `asked` is called with each question for the client, and `heard` with other notifications if it `hears_changes`.
    """

    def __init__(
        self,
        origin: Origin,
        send: Send,
        reports: Mapping[int, Report],
        heard: Heard,
        *,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self.hears_changes = True
        self._asks = asked
        self._questions = Questions(origin.ask, send)
        self._log = origin.log
        self._send = send
        self._reports = reports
        self._heard = heard

    async def __call__(self, message: Message) -> None:
        method, number, params = str(message["method"]), message.get("id"), message.get("params")
        params = params if isinstance(params, dict) else {}
        if number is not None:
            await self._asked(number, method, params)
        elif method == LOGGED and self._log is not None:
            await self._log(params)
        elif method == "notifications/cancelled":
            self._questions.withdraw(params)
        elif method != "notifications/progress":
            if self.hears_changes:
                self._heard(method, params)
        elif type(token := params.get("progressToken")) is int and token in self._reports:
            await self._reports[token](params)

    def close(self) -> None:
        """Takes back the questions of the stream: its request is over."""
        self._questions.close()

    async def _asked(self, number: Any, method: str, params: Params) -> None:
        if method == "ping":
            await self._send({"id": number, "result": {}})
        elif self._questions.take(number, method, params):
            self._asks()
        else:
            await self._send(self._questions.untaken(number, method))
