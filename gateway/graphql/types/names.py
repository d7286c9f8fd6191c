"""Names that GraphQL accepts, in place of those that it does not. Another name ends in a hash of the real one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from hashlib import sha256

_ACCEPTED = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]{0,127}")
_OTHER = re.compile(r"[^_0-9A-Za-z]")
_LONGEST = 100
NOT_VALUES = frozenset({"true", "false", "null"})
"""Names that no value of an enum may have."""


def graphql_names(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Returns the GraphQL name of each real one. None is in `taken`, and no two are equal."""
    names = [name for name in names if isinstance(name, str)]
    found = {name: name for name in names if _ACCEPTED.fullmatch(name) and name not in taken}
    if len(found) == len(names):
        return found
    used = {*found, *taken}
    for name in names:
        if name not in found:
            found[name] = _changed(name, name, used)
            used.add(found[name])
    return {name: found[name] for name in names}


def described(description: object, name: str, shown: str) -> str | None:
    """Returns a description, which says the real name if that is another one."""
    text = description if isinstance(description, str) and description else None
    return text if name == shown else "\n\n".join(filter(None, [text, f"Real name: {name!r}."]))


def version_name(version: str) -> str:
    """Returns a version as the end of a name: `v2_1_0`."""
    return f"v{_OTHER.sub('_', version)}"


class UniqueNames:
    """Names of one kind in one schema, such as those of types."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.used = {*taken}

    def take(self, wanted: str, key: str) -> str:
        """Returns `wanted`, or a name with a hash of `key` if GraphQL does not accept it or it is taken."""
        is_free = _ACCEPTED.fullmatch(wanted) and wanted not in self.used
        name = wanted if is_free else _changed(wanted, key, self.used)
        self.used.add(name)
        return name


def _changed(name: str, key: str, used: Collection[str]) -> str:
    start = re.sub("^_+", "_", _OTHER.sub("_", name))[:_LONGEST]
    start = start if start[:1].isalpha() or start[:1] == "_" else f"_{start}"
    start = "" if start == "_" else start  # names that begin with two are GraphQL's own
    salted = key
    while True:
        changed = f"{start}_{sha256(salted.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        if changed not in used:
            return changed
        salted += "\0"
