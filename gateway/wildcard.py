"""A pattern of server and tool names, as scopes and rate limits have them."""

from __future__ import annotations


class Wildcard:
    """A text in which `*` stands for any characters. In the time of the text's length: no pattern makes it slow."""

    __slots__ = ("_first", "_last", "_least", "_only", "_within")

    def __init__(self, pattern: str) -> None:
        self._first, *rest = pattern.split("*")
        self._only = not rest
        self._last = rest.pop() if rest else ""
        self._within = [piece for piece in rest if piece]
        self._least = len(self._first) + len(self._last)

    def matches(self, text: str) -> bool:
        if self._only:
            return text == self._first
        if len(text) < self._least or not (text.startswith(self._first) and text.endswith(self._last)):
            return False
        at, end = len(self._first), len(text) - len(self._last)
        for piece in self._within:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True
