"""Patterns of server and tool names, in scopes and rate limits."""

from __future__ import annotations


class Wildcard:
    """A pattern in which `*` stands for any characters.

    Matching never backtracks, so no pattern is slow. `fnmatch` gives `?` and `[` a meaning too.
    """

    __slots__ = ("_is_exact", "_min_length", "_pieces", "_prefix", "_suffix")

    def __init__(self, pattern: str) -> None:
        self._prefix, *rest = pattern.split("*")
        self._is_exact = not rest
        self._suffix = rest.pop() if rest else ""
        self._pieces = [piece for piece in rest if piece]
        self._min_length = len(self._prefix) + len(self._suffix)

    def matches(self, text: str) -> bool:
        if self._is_exact:
            return text == self._prefix
        if len(text) < self._min_length or not (text.startswith(self._prefix) and text.endswith(self._suffix)):
            return False
        at, end = len(self._prefix), len(text) - len(self._suffix)
        for piece in self._pieces:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True
