"""Fields and types of a schema that are made when a document needs them first: few requests need all tools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLField
from graphql.type import GraphQLNamedType


class Fields(dict[str, GraphQLField]):
    """The fields of these names. `make` makes the one of a name; it is called once, or twice by threads at once."""

    def __init__(self, names: Iterable[str], make: Callable[[str], GraphQLField]) -> None:
        super().__init__(dict.fromkeys(names))  # type: ignore[arg-type]
        self._make = make

    def __getitem__(self, name: str) -> GraphQLField:
        found: GraphQLField | None = super().__getitem__(name)
        if found is None:
            found = self[name] = self._make(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def values(self) -> Any:
        return [self[name] for name in self]

    def items(self) -> Any:
        return [(name, self[name]) for name in self]


class Types(dict[str, GraphQLNamedType]):
    """The types by their names. `reach` adds those that may have a name, and `complete` returns all, in their order."""

    def __init__(
        self,
        known: Mapping[str, GraphQLNamedType],
        reach: Callable[[str], None],
        complete: Callable[[], Mapping[str, GraphQLNamedType]],
    ) -> None:
        super().__init__(known)
        self._reach = reach
        self._complete = complete
        self._all: Mapping[str, GraphQLNamedType] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        if not super().__contains__(name):
            self._reach(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> GraphQLNamedType:
        if (found := self.get(name)) is None:
            raise KeyError(name)
        named: GraphQLNamedType = found
        return named

    def __contains__(self, name: object) -> bool:
        return self.get(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def values(self) -> Any:
        return self.all().values()

    def items(self) -> Any:
        return self.all().items()

    def all(self) -> Mapping[str, GraphQLNamedType]:
        if self._all is None:
            self._all = self._complete()
        return self._all


def grouped(names: Sequence[str]) -> dict[str, list[str]]:
    """Returns names in groups, by the shortest of each: `a_b_c` is with `a_b`.

    The types of a tool begin with its name and `_`, so those of two groups never have the same name.
    """
    known, found = {*names}, defaultdict(list)
    for name in names:
        found[next(head for head in heads(name) if head in known)].append(name)
    return found


def heads(name: str) -> Iterator[str]:
    """Yields the beginnings of a name that end before a `_`, and the name itself."""
    place = name.find("_")
    while place >= 0:
        yield name[:place]
        place = name.find("_", place + 1)
    yield name
