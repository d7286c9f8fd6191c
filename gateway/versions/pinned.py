"""Versions that are pinned for a principal: `math:*=1`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.versions.pin import EXPECTED, Pin
from gateway.wildcard import Wildcard

PATTERN = re.compile(r"([!-<>-~]+?):([!-<>-~]+)=([!-~]{1,64})")


class Pins:
    """Each is `server:tool=version`, with `*` for any text. The first one that matches counts.

    Raises:
        ValueError: one is malformed.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._pins = [_pin(text) for text in texts]

    def find(self, server: str, tool: str) -> str | None:
        return next(
            (text for of, name, text in self._pins if of.matches(server) and name.matches(tool)),
            None,
        )


def _pin(text: str) -> tuple[Wildcard, Wildcard, str]:
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"expected server:tool=version, and as the version {EXPECTED}")
    return Wildcard(match[1]), Wildcard(match[2]), Pin(match[3]).text
