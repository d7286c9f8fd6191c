"""`${NAME}` and `${NAME:-default}` in the values of the file of upstream servers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.upstream.link import LinkFailure

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expanded(text: str, environ: Mapping[str, str], field: str) -> str:
    """Returns `text` with the values of its variables. One that is set but empty takes its default, as in a shell.

    Raises:
        LinkFailure: a variable without a default is not set; the reason names it and the field, never a value.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = environ.get(name)
        if found or (found is not None and default is None):
            return found
        if default is None:
            raise LinkFailure(f"{field}: the variable {name} is not set", was_sent=False)
        return default

    return _VARIABLE.sub(value, text)


def variables(text: str) -> set[str]:
    """Returns the names of the variables in `text`."""
    return {match[1] for match in _VARIABLE.finditer(text)}
