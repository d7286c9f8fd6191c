"""`${NAME}`, `${NAME:-default}` and `${caller.id}` in the values of the file of upstream servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from gateway.upstream.link import LinkFailure

CALLER_ID = "caller.id"
"""The principal for whom a process is started. No environment has a variable of this name."""

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*|caller\.id)(?::-([^}]*))?\}")


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


def id_in_texts(name: str) -> str:
    """Returns the name of a principal as one word that no file system, shell or program takes apart.

    That of a key is the name of the key; that of a token, `ISSUER#SUBJECT`, has a `#`, which no key has. Characters
    other than letters, digits, `.`, `_`, `@` and `-` are percent-encoded, as are `.` and `-` at the beginning.
    """
    quoted = quote(name.removeprefix("key:"), safe="@").replace("~", "%7E")
    return f"%{ord(quoted[0]):02X}{quoted[1:]}" if quoted.startswith((".", "-")) else quoted


def variables(text: str) -> set[str]:
    """Returns the names of the variables in `text`."""
    return {match[1] for match in _VARIABLE.finditer(text)}
