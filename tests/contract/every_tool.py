"""A call of every tool of the contract servers, with the status and the result that a client receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.expected import ARGUMENTS, CONTENT, CRASHES, NO, TOOL_ERRORS, VALUES

ANY = object()
"""A result that is not compared."""


@dataclass(frozen=True)
class Expected:
    arguments: dict[str, Any]
    status: int
    result: Any = ANY


def _calls() -> dict[str, Expected]:
    calls = {"ran_since": Expected({}, 200)}
    for tool, arguments, result in (*VALUES, *CONTENT, *ARGUMENTS):
        calls.setdefault(tool, Expected(arguments, 200, result))
    for tool, arguments, _, _ in TOOL_ERRORS:
        calls.setdefault(tool, Expected(arguments, 422))
    for tool, arguments in CRASHES:
        calls[tool] = Expected(arguments, 500)
    return calls | _OTHERS


_OTHERS = {
    **{tool: Expected({}, 500) for tool in ("stranger", "no_number", "no_numbers", "no_text", "calls_a_crash")},
    "crashing_validator": Expected({"value": "a"}, 500),
    "reports": Expected({"steps": 1}, 200, "done"),
    "reports_in_a_thread": Expected({}, 200),
    "with_image": Expected({}, 200),
    "bare_with_context": Expected({"count": 3}, 200, ["text", 2, None]),
    "lifespan_state": Expected({}, 200, "the state"),
    "calls_another": Expected({"a": 1}, 200, {"result": 2}),
    "adds_a_tool": Expected({"name": "added"}, 200, None),
    "removes_a_tool": Expected({"name": "added"}, 200, None),
    **{tool: Expected({}, 422) for tool in ("protocol_says_no", "protocol_says_no_with_context", "own_error")},
    "own_error_with_data": Expected({}, 422),
    "dated": Expected({"day": "2026-07-28", "flag": True}, 200, "2026-07-28 True"),
    "says_no": Expected(NO, 422),
    **{tool: Expected({"dish": "cake"}, 202) for tool in ("asks_in_its_body", "asks_by_resolver", "asks_by_itself")},
    "asks_and_takes_no": Expected({"dish": "cake"}, 202),
    **{tool: Expected({}, 202) for tool in ("asks_twice", "asks_to_wait", "asks_without_state")},
}
CALLS = _calls()
