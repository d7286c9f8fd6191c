"""Notes about a call that most calls do not have: what went wrong, trace, content, marks and steps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from gateway.call import Report, ToolCall, ToolResult
from gateway.console import masking
from gateway.console.steps import Steps
from gateway.errors import GatewayError
from gateway.naming import cut

MAX_NOTES = 2000
MAX_BYTES = 8 * 1024 * 1024
MAX_MARKS = 50
"""Progress and log messages that are kept of one call."""

Mark = tuple[float, str, str]


class Outcome(NamedTuple):
    """The end of a call: a word, its duration, and its result or the error in its place."""

    word: str
    seconds: float
    result: ToolResult | None
    failure: GatewayError | None


class Draft:
    """The notes about a call while it runs: its steps, and what its tool reports."""

    __slots__ = ("marks", "steps")

    def __init__(self) -> None:
        self.steps: Steps | None = None
        self.marks: list[Mark] | None = None

    def reporting(self, report: Report, shows_text: bool, clock: Callable[[], float]) -> Report:
        """Returns `report` so that what the tool reports is kept as marks. `clock` gives the seconds since the call."""
        marks = self.marks = list[Mark]()

        def marked(name: str, fields: Mapping[str, Any]) -> Awaitable[None]:
            if len(marks) < MAX_MARKS:
                text = " ".join(str(value) for value in fields.values() if value is not None)
                shown = text if shows_text or name == "progress" else str(fields.get("level", ""))
                marks.append((clock(), name, cut(masking.of_text(shown[:512]))))
            return report(name, fields)

        return marked


def notes_of(call: ToolCall, outcome: Outcome, draft: Draft | None, with_arguments: bool) -> dict[str, Any]:
    """Returns the fields of a call that most calls do not have, as a page gets them."""
    fields: dict[str, Any] = {}
    if draft is not None:
        fields = {"steps": draft.steps.noted} if draft.steps is not None else {}
        fields |= {"marks": draft.marks} if draft.marks else {}
    if call.answered:
        fields["answered"] = call.answered
    if call.trace:
        fields["trace"] = call.trace
    if outcome.failure is not None:
        fields["problem"] = masking.of_problem(outcome.failure)
    if with_arguments:
        fields["arguments"] = masking.of_arguments(call.arguments)
        fields["result"] = masking.of_result(outcome.result)
    return fields


def given(**texts: str | None) -> dict[str, str]:
    """Returns the fields that have a text."""
    return {name: text for name, text in texts.items() if text}


class Notes:
    """The notes by the number of their call. Full, the oldest go; their calls stay."""

    def __init__(self, max_notes: int = MAX_NOTES, max_bytes: int = MAX_BYTES) -> None:
        self._max_notes = max_notes
        self._max_bytes = max_bytes
        self._notes: OrderedDict[int, tuple[Mapping[str, Any], int]] = OrderedDict()
        self._bytes = 0

    def put(self, number: int, fields: Mapping[str, Any]) -> None:
        size = _size(fields)
        self._notes[number] = fields, size
        self._bytes += size
        while len(self._notes) > self._max_notes or self._bytes > self._max_bytes:
            self._bytes -= self._notes.popitem(last=False)[1][1]

    def of(self, number: int) -> Mapping[str, Any]:
        found = self._notes.get(number)
        return {} if found is None else found[0]


def _size(fields: Mapping[str, Any]) -> int:
    """Returns about the bytes that notes take."""
    size = 200
    for value in fields.values():
        size += 4 * len(value) if isinstance(value, str) else 100 * len(value)
    return size + sum(4 * len(text) for _, _, text in fields.get("marks", ()))
