"""Names of components that generators can make classes of."""

from __future__ import annotations

import re
from collections.abc import Iterable


class ComponentNames:
    """Gives each component of one document a name of its own.

    Generators make names of classes from them, so that case and punctuation do not tell two names apart.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {folded(name) for name in taken}

    def claim(self, wanted: str) -> str:
        """Returns the wanted name, or the first free one of those with a number."""
        name, number = wanted, 2
        while folded(name) in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(folded(name))
        return name


def folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
