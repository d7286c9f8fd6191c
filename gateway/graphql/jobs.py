"""The calls of an operation, and what is selected of their results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from graphql import FieldNode, GraphQLError, GraphQLField
from graphql.execution import get_argument_values
from pydantic_core import from_json, to_json

from gateway.call import Report, ToolResult
from gateway.graphql.calls import CallFailed, Calls
from gateway.graphql.projection import Mismatch, Path, Projection, TooMany
from gateway.graphql.selection import Selection
from gateway.graphql.tools import RESULT, TARGET, Target
from gateway.graphql.types.inputs import MORE, MORE_KEY, RESUME_KEY
from gateway.graphql.unknown import TYPENAME

AT_ONCE = 2000
"""Values that are selected at once; a thread selects more, while other requests are answered."""

MAX_VALUES = 200_000
LARGE_BODY = 64 * 1024
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """One call. Its value goes into `place` under `key`. Without a `field`, it is refused.

    A stream has the reports of its tool too, and its result is one of the parts of its value.
    """

    place: dict[str, Any]
    key: str
    path: Path
    nodes: list[FieldNode]
    field: GraphQLField | None
    server: str | None = None
    is_stream: bool = False


class Jobs:
    """Runs the jobs of one request. No call begins after `deadline`, in seconds of the loop's clock."""

    def __init__(
        self,
        selection: Selection,
        errors: list[dict[str, Any]],
        calls: Calls,
        deadline: float,
        limiter: CapacityLimiter,
    ) -> None:
        self._selection = selection
        self._errors = errors
        self._calls = calls
        self._deadline = deadline
        self._limiter = limiter
        self._clock = asyncio.get_running_loop().time

    async def each(self, jobs: Iterator[Job]) -> None:
        """Runs one job after the other. Several may take theirs from the same `jobs`."""
        for job in jobs:
            await self.job(job)

    async def job(self, job: Job, report: Report | None = None) -> None:
        """Puts the value of a job in its place, or null and an error."""
        try:
            if job.field is None:
                await self._calls.refuse(job.server, job.nodes[0].name.value)
                return
            result = await self._result(job, job.field, report)
            job.place[job.key] = await self._value(job, job.field, result)
        except CallFailed as exc:
            self._fail(job, str(exc), job.path, exc.extensions)
        except GraphQLError as exc:
            self._fail(job, exc.message, job.path, self._calls.failure("invalid-request", exc.message, None).extensions)

    def reported(self, job: Job, name: str, fields: Mapping[str, Any]) -> Any:
        """Returns what a stream selects of a report, `progress` or `log`; None if that is nothing."""
        assert job.field is not None
        # Tools may report any Python value, and a report must not fail their call.
        value = from_json(to_json({name: fields}, inf_nan_mode="null", fallback=str))
        with suppress(TooMany, GraphQLError):
            part = Projection(self._selection, AT_ONCE).of(job.field.type, job.nodes, value, job.path)
            if any(part.get(key) is not None for key in part.keys() - {TYPENAME}):
                return part
        return None

    async def _result(self, job: Job, field: GraphQLField, report: Report | None) -> ToolResult:
        target: Target = field.extensions[TARGET]
        if self._clock() > self._deadline:
            raise self._calls.failure("timeout", "The request took too long; this call has not begun.", target)
        arguments = get_argument_values(field, job.nodes[0], self._selection.variables, hide_suggestions=True)
        resume = arguments.pop(RESUME_KEY, None) or _NOTHING
        more = arguments.pop(MORE_KEY, None) or _NOTHING
        if type(more) is not dict and more is not _NOTHING:
            raise GraphQLError(f"`{MORE}` must be an object.")
        return await self._calls.call(target, {**more, **arguments} if more else arguments, resume, report)

    async def _value(self, job: Job, field: GraphQLField, result: ToolResult) -> Any:
        try:
            if len(result.body) <= LARGE_BODY:
                try:
                    return self._selected(job, field, result, AT_ONCE)
                except TooMany:
                    pass
            return await to_thread.run_sync(self._selected, job, field, result, MAX_VALUES, limiter=self._limiter)
        except TooMany:
            text = f"More than {MAX_VALUES} values are selected of the result; select fewer, or `_raw`."
            raise self._calls.failure("too-large", text, field.extensions[TARGET]) from None

    def _selected(self, job: Job, field: GraphQLField, result: ToolResult, limit: int) -> Any:
        projection = Projection(self._selection, limit)
        value = _value_of(result, field.extensions[TARGET])
        value = projection.of(field.type, job.nodes, {RESULT: value} if job.is_stream else value, job.path)
        for mismatch in projection.errors:
            self._mismatch(job, mismatch, field.extensions[TARGET])
        return value

    def _mismatch(self, job: Job, mismatch: Mismatch, target: Target) -> None:
        failure = self._calls.failure("upstream-error", str(mismatch), target)
        self._fail(job, str(mismatch), mismatch.path, failure.extensions)

    def _fail(self, job: Job, message: str, path: Sequence[str | int], extensions: Mapping[str, Any]) -> None:
        location = job.nodes[0].loc
        error: dict[str, Any] = {"message": message}
        if location is not None:
            token = location.start_token
            error["locations"] = [{"line": token.line, "column": token.column}]
        self._errors.append({**error, "path": [*path], "extensions": dict(extensions)})


def _value_of(result: ToolResult, target: Target) -> Any:
    """Returns what the function returned, as `/call` does."""
    body = from_json(result.body)
    if target.form == "object" or (target.form == "any" and not result.wrapped):
        return body
    return body["result"] if isinstance(body, dict) and "result" in body else body
