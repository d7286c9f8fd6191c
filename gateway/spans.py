"""The OpenTelemetry span of the message that is being answered, and the steps of the call whose time is looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

span: ContextVar[Any] = ContextVar("span", default=None)
"""An `opentelemetry.trace.Span`, whoever began it; None if there is none."""

TOOL_STEP = "tool"
"""The step in which the tool itself runs."""

noting: ContextVar[Callable[[str], None] | None] = ContextVar("noting", default=None)
"""Takes the name of each step as it begins. None unless somebody looks at the calls in the console."""


def begin_step(name: str) -> None:
    if (note := noting.get()) is not None:
        note(name)
