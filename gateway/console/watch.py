"""The interceptors by which the console knows every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.console.errors import Cancelled
from gateway.console.feed import MAX_BATCH, Feed
from gateway.console.notes import Outcome
from gateway.errors import GatewayError
from gateway.naming import cut

Write = Callable[[ToolCall, str, float, ToolResult | None], None]


class Watch:
    """The outermost interceptor: it records each call once, for the `feed` and for `writes`, such as the call log.

    While somebody looks, it notes the steps of calls too. A call that the feed cancels ends with Cancelled,
    whatever its tool does.
    """

    def __init__(self, feed: Feed, writes: Sequence[Write] = ()) -> None:
        self._feed = feed
        self._writes = writes
        self._clock = feed.clock
        self._numbers = feed.numbers
        self._running = feed.running
        self._records = feed.records

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        feed, number, began = self._feed, next(self._numbers), self._clock()
        # Given the loop, Python 3.11 finds the task in half the time.
        self._running[number] = call, asyncio.current_task(feed.loop), began
        if call.report is not None:
            call.report = feed.reporting(number, call.report, began)
        if feed.left_to_note:
            call_next = feed.noting(number, call_next, began)
        outcome, result, failure = "cancelled", None, None
        try:
            result = await call_next(call)
            outcome = result.outcome
            return result
        except GatewayError as exc:
            if number in feed.cancels:
                raise Cancelled from exc
            outcome, failure = exc.slug, exc
            raise
        except asyncio.CancelledError as exc:
            if number in feed.cancels and _was_all(*feed.cancels[number]):
                raise Cancelled from exc
            raise
        except Exception:  # any other error is recorded too, and raised again
            outcome = "failed"
            raise
        finally:
            seconds = self._clock() - began
            del self._running[number]
            for write in self._writes:
                write(call, outcome, seconds, result)
            if outcome != "ok" or call.answered or feed.cancels or feed.drafts or feed.keeps_more:
                feed.note(number, call, Outcome(outcome, seconds, result, failure))
            entry, who = call.entry, call.caller.name
            tool, version = (cut(call.tool), None) if entry is None else (call.tool, entry.version)
            named = call.request_id, call.server, tool, version
            self._records.append((number, began, seconds, *named, call.via, who, call.client, outcome))
            if len(self._records) >= MAX_BATCH:
                feed.flush()


class NoteTrace:
    """The innermost interceptor: it notes the trace of each call."""

    def __init__(self, trace: Callable[[], str]) -> None:
        self._trace = trace

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        call.trace = self._trace()
        return call_next(call)


def _was_all(task: asyncio.Task[Any], before: int) -> bool:
    """Returns True if nobody else has asked the task to end."""
    return task.cancelling() <= before + 1
