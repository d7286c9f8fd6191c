"""The requests in flight on one stream, and the messages on it, each of which belongs to one of them or to none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.upstream.calls.questions import not_asked
from gateway.upstream.calls.waiting import Waiting
from gateway.upstream.http.answers import Message
from gateway.upstream.http.client import Exchange
from gateway.upstream.link import LOGGED, NOBODY, Heard, LinkFailure, Params

# Where an answer has its id, beside a result that may have anything in it: SDKs write it first, or last.
_VERSION = rb'\s*"jsonrpc"\s*:\s*"2\.0"\s*'
_ID = rb'\s*"id"\s*:\s*(\d+)\s*'
_BEGINS = rb"(?:data: ?)?\{(?:" + _VERSION + rb",)?"
_ANSWERS = rb'\s*"(?:result|error)"'
_ID_FIRST = re.compile(_BEGINS + _ID + rb",(?:" + _VERSION + rb",)?" + _ANSWERS)
_RESULT_FIRST = re.compile(_BEGINS + _ANSWERS)
_ID_LAST = re.compile(rb"\},(?:" + _VERSION + rb",)?" + _ID + rb"(?:," + _VERSION + rb")?\}\s*$")


class Call(NamedTuple):
    """A request, and the POST that carries it."""

    waiting: Waiting
    exchange: Exchange

    def posted(self, posting: asyncio.Task[None]) -> None:
        """Fails the request if its POST has failed."""
        if not posting.cancelled() and (exc := posting.exception()) is not None:
            self.waiting.refuse(exc)


class Calls(dict[int, Call]):
    """Requests by id. `send` sends a message to the server, `heard` takes notifications that belong to no request."""

    def __init__(self, send: Callable[[Params], None], heard: Heard) -> None:
        super().__init__()
        self._send = send
        self._heard = heard

    def take(self, message: Message) -> None:
        """Takes a message of the server. An answer to no request in flight is noise."""
        method, number, params = message.get("method"), message.get("id"), message.get("params")
        params = params if isinstance(params, dict) else {}
        if method is None:
            if (call := self._named(number)) is not None:
                call.waiting.settle(message)
        elif number is not None:
            self._asked(number, str(method), params)
        else:
            self._told(str(method), params)

    def too_long(self, head: bytes, tail: bytes, reason: LinkFailure) -> None:
        """Fails the request that a message answers of which only this is left. Raises `reason` if it is not clear."""
        found = _ID_FIRST.match(head) or (_ID_LAST.search(tail) if _RESULT_FIRST.match(head) else None)
        if found is None:
            raise reason
        if (call := self.get(int(found[1]))) is not None:
            call.waiting.refuse(reason)

    def fail(self, reason: LinkFailure) -> None:
        """Ends all of them."""
        for call in self.values():
            call.waiting.refuse(reason)

    def _told(self, method: str, params: Params) -> None:
        if method == "notifications/progress":
            if (call := self._named(params.get("progressToken"))) is not None:
                call.waiting.report(params)
        elif method == "notifications/cancelled":
            for call in self.values():
                call.waiting.questions.withdraw(params)
        elif method == LOGGED:
            if (owner := self._owner()) is not None:
                owner.waiting.log(params)
        else:
            self._heard(method, params)

    def _asked(self, number: Any, method: str, params: Params) -> None:
        """Takes a request of the server, which has no sign of the call that it belongs to."""
        owner = self._owner()
        if method == "ping":
            self._send({"id": number, "result": {}})
        elif owner is None:
            self._send(not_asked(number))
        elif owner.waiting.questions.take(number, method, params):
            owner.exchange.give_place_back()
        else:
            self._send(owner.waiting.questions.untaken(number, method))

    def _named(self, number: Any) -> Call | None:
        """Returns the request with exactly this id."""
        return self.get(number) if type(number) is int else None

    def _owner(self) -> Call | None:
        """Returns the only call in flight, or one of those of the one client whose session it is; None if none is."""
        sent = [call for call in self.values() if call.exchange.was_written and call.waiting.origin is not NOBODY]
        is_sure = len(sent) == 1 or all(call.waiting.origin.has_session for call in sent)
        if not sent or not is_sure:
            return None
        return next((call for call in reversed(sent) if call.waiting.origin.ask is not None), sent[-1])
