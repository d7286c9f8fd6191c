"""The code that a thread runs now, and the call that it belongs to."""

from __future__ import annotations

import os
from types import FrameType

from gateway.call import ToolCall

OUTERMOST = 4
INNERMOST = 12
"""Of a long stack, the first and the last frames are shown: the author's code, and the place that it has reached."""


def running_code(frame: FrameType | None, folder: str) -> tuple[ToolCall | None, str]:
    """Returns the call that `frame` belongs to, None outside of any, and the stack inside of it in one line.

    Paths in `folder` are shown from there. The call is that in a local variable `call` of the chain: another thread
    cannot read a context variable.
    """
    places: list[str] = []
    while frame is not None:
        if "call" in frame.f_code.co_varnames and isinstance(call := frame.f_locals.get("call"), ToolCall):
            return call, _line(places)
        path = frame.f_code.co_filename.removeprefix(folder + os.sep)
        places.append(f"{path}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return None, _line(places)


def _line(places: list[str]) -> str:
    """Returns places, given from the innermost, in the order of a traceback."""
    ordered = places[::-1]
    if len(ordered) > OUTERMOST + INNERMOST:
        ordered[OUTERMOST:-INNERMOST] = ["…"]
    return " > ".join(ordered)
