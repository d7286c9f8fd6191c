"""The texts of an entry: those that are given, and `${NAME}` for those that the user has to give."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.errors import LoadError
from gateway.upstream.published.server_json import Argument, Input, Named

_BRACES = re.compile(r"\{([^{}]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Inputs:
    """`notes` say what the user has to set, and what was left out."""

    def __init__(self, server: str) -> None:
        self.notes: list[str] = []
        self._server = server

    def named(self, inputs: Mapping[str, Named]) -> dict[str, str]:
        """Returns values by the names of headers or variables. `inputs` are by the name of the variable to set."""
        found = {each.name: self._text(label, each) for label, each in inputs.items()}
        return {name: value for name, value in found.items() if value is not None}

    def variables(self, inputs: tuple[Named, ...]) -> dict[str, str]:
        return self.named({each.name: each for each in inputs})

    def headers(self, inputs: tuple[Named, ...]) -> dict[str, str]:
        return self.named({self.label(each.name): each for each in inputs})

    def arguments(self, inputs: tuple[Argument, ...]) -> list[str]:
        found: list[str] = []
        for each in inputs:
            value = self._text(self.label(each.name or each.value_hint or "argument"), each)
            if value is not None:
                found += [plain(each.name), *([value] if value else [])] if each.type == "named" else [value]
            if each.is_repeated:
                self.notes.append(f"the argument {each.name or each.value_hint} may be given several times")
        return found

    def text(self, text: str, variables: Mapping[str, Input]) -> str:
        """Returns a text with the values of its variables.

        Raises:
            LoadError: the values would together read a variable of the environment, as `$` and `{HOME}` do.
        """
        read = 0

        def value(match: re.Match[str]) -> str:
            nonlocal read
            if match[1] not in variables:
                return match[0]
            found = self._text(self.label(match[1]), variables[match[1]], is_part=True) or ""
            read += found.count("${")
            return found

        text = _BRACES.sub(value, plain(text))
        return text if text.count("${") == read else plain(text)

    def label(self, name: str) -> str:
        """Returns the name of the variable to set for an input of the server."""
        word = re.sub(r"[^A-Za-z0-9]+", "_", f"{self._server}_{name}").strip("_")
        return word.upper()

    def _text(self, label: str, given: Input, *, is_part: bool = False) -> str | None:
        """Returns None for an optional input that has no value. A secret is always to be set."""
        if given.value is not None:
            return self.text(given.value, given.variables)
        if given.default is not None and not given.is_secret:
            return plain(given.default)
        if not (given.is_required or given.is_secret or is_part):
            self.notes.append(f"left out: {label}, which is optional{_described(given)}")
            return None
        if not _NAME.fullmatch(label):
            raise LoadError(f"{label!r} cannot be the name of a variable")
        optional = "" if given.is_required else ", or remove it: it is optional"
        self.notes.append(f"set {label}{optional}{_described(given)}")
        return f"${{{label}}}"


def plain(text: str) -> str:
    """Returns a text that was published. Raises LoadError for one that would read our environment."""
    if "${" in text:
        raise LoadError("a text of it has `${`, which would read a variable of the router's environment")
    return text


def _described(given: Input) -> str:
    words = " ".join(given.description.split())[:200]
    choices = f"one of {', '.join(given.choices)}"[:200] if given.choices else ""
    said = "; ".join(filter(None, (words, choices)))
    return f" ({said})" if said else ""
