"""Variables of the environment that look like settings and are none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from settings.reader import setting_of

PREFIX = "MCP_"


def unknown(variables: Iterable[str], declared: type[Any]) -> Iterator[str]:
    """Yields a line for each variable that begins with `MCP_` and is no setting of `declared`, with the nearest one."""
    settings = [setting_of(each).name for each in fields(declared)]
    for name in sorted(variables):
        if name.startswith(PREFIX) and name not in settings:
            nearest = _nearest(name, settings)
            yield f"{name}: there is no such setting" + (f"; did you mean {nearest}?" if nearest else "")


def _nearest(name: str, settings: Collection[str]) -> str:
    bare = name.removeprefix(PREFIX)
    if bare in settings:
        return bare
    return next(iter(get_close_matches(name, settings, n=1, cutoff=0.8)), "")
