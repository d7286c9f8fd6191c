"""Arguments and results as text for a person: short, and without the values of secrets."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json, to_json

from gateway.call import ToolResult
from gateway.errors import GatewayError

MAX_SHOWN = 4096
"""Characters of arguments or of a result that are kept."""

MAX_PROBLEM = 512
"""Characters of an error that are kept."""

_READ = 4 * MAX_SHOWN
_MASK = "•••"
_MAX_DEPTH = 20
_MAX_VALUES = 2000
_SECRET = re.compile(
    r"^pass$|pass(word|wd|phrase|code)$|pwd|secret|token|api[-_]?key|private[-_]?key|access[-_]?key|credential|authorization"
    r"|cookie|session[-_]?id|signature|^(auth|key|pin|otp|cvv|cvc|iban|ssn)$|card[-_]?number",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(
    r"((?:pass(?:word|wd|phrase)|secret|token|api[-_]?key|authorization)[\"']?\s*[:=]\s*)(\"[^\"]*\"?|'[^']*'?|\S+(?:\s+[\w.~+/-]{16,})?)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Returns True if a value of this name is not to be shown."""
    return _SECRET.search(name) is not None


def of_arguments(arguments: Any) -> str:
    """Returns arguments as JSON, masked and cut."""
    return cut(_json(_masked(arguments, [_MAX_VALUES], 0)))


def of_json(body: bytes) -> str:
    """Returns the JSON of a result, masked and cut. Of a long one only the beginning is read."""
    try:
        value = from_json(body[:_READ], allow_partial="trailing-strings" if len(body) > _READ else False)
    except ValueError:
        return of_text(body[:_READ].decode(errors="replace"))
    shown = cut(_json(_masked(value, [_MAX_VALUES], 0)))
    return shown if len(body) <= _READ or shown.endswith("…") else shown + "…"


def of_native(native: Any) -> str:
    """Returns a result of the SDK as JSON, masked and cut."""
    return of_json(to_json(native, by_alias=True, exclude_none=True, fallback=str, inf_nan_mode="null"))


def of_text(text: str) -> str:
    """Returns a text, masked where it looks like `password=…`, and cut."""
    return cut(_IN_TEXT.sub(rf"\1{_MASK}", text[:_READ]))


def of_problem(failure: GatewayError) -> str:
    """Returns the text that its caller got: it has no values of arguments."""
    reasons = [f"{error['path']}: {error['reason']}" for error in failure.errors[:5]]
    return cut(" ".join([str(failure), "; ".join(reasons)]).rstrip(), MAX_PROBLEM)


def of_result(result: ToolResult | None) -> str:
    """Returns what a tool answered: its result, its own error, or what it asks; masked and cut."""
    if result is None:
        return ""
    if result.is_error:
        return of_text(result.message or str(result.native or ""))
    if result.asks is not None:
        return of_arguments(dict(result.asks))
    if result.body or result.wire:
        return of_json(result.body or result.wire)
    return of_native(result.native)


def cut(text: str, most: int = MAX_SHOWN) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _masked(value: Any, left: list[int], depth: int) -> Any:
    """Returns a copy without secrets, of at most `left` values."""
    left[0] -= 1
    if left[0] < 0 or depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {
            cut(str(key), 128): _MASK if is_secret(str(key)) else _masked(item, left, depth + 1)
            for key, item in [*value.items()][: max(left[0], 0) + 1]
        }
    if isinstance(value, list | tuple):
        return [_masked(item, left, depth + 1) for item in value[: max(left[0], 0) + 1]]
    return of_text(value) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return to_json(value, fallback=str, inf_nan_mode="null", bytes_mode="base64").decode(errors="replace")
