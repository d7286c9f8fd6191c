"""The interceptors by which the console knows every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.console.errors import Cancelled
from gateway.console.feed import MAX_BATCH, Feed
from gateway.errors import GatewayError

Write = Callable[[ToolCall, str, float, ToolResult | None], None]


class Watch:
    """The outermost interceptor: it records each call once, for the `feed` and for `writes`, such as the call log.

    A call that the feed cancels ends with Cancelled, whatever its tool does.
    """

    def __init__(self, feed: Feed, writes: Sequence[Write] = ()) -> None:
        self._feed = feed
        self._writes = writes
        self._clock = feed.clock

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        feed = self._feed
        number, started = next(feed.numbers), self._clock()
        feed.running[number] = (call, asyncio.current_task(), started)
        if call.report is not None:
            call.report = feed.reporting(number, call.report, started)
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
            seconds = self._clock() - started
            del feed.running[number]
            if feed.cancels and number in feed.cancels:
                feed.cancels.pop(number)[0].uncancel()
            for write in self._writes:
                write(call, outcome, seconds, result)
            is_odd = call.entry is None or call.report is not None or call.is_repeated or feed.keeps_more
            more = (call, result, failure) if is_odd or failure is not None else None
            # Of plain values alone, as in most calls, the garbage collector has nothing to follow.
            version = call.entry.version if call.entry is not None else ""
            names = (call.request_id, call.server, call.tool, version, call.via, call.caller.name, call.client)
            feed.records.append((number, started, seconds, call.began, *names, outcome, more))
            if not feed.is_scheduled:
                feed.schedule()
            elif len(feed.records) >= MAX_BATCH:
                feed.flush()


class ToolBegins:
    """The innermost interceptor: it notes when the tool begins, and the trace of its call if there are traces."""

    def __init__(self, feed: Feed, trace: Callable[[], str] | None = None) -> None:
        self._clock = feed.clock
        self._trace = trace

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        call.began = self._clock()
        if self._trace is not None:
            call.trace = self._trace()
        return call_next(call)


def _was_all(task: asyncio.Task[Any], before: int) -> bool:
    """Returns True if nobody else has asked the task to end."""
    return task.cancelling() <= before + 1
