"""The part of a result that a document selects. Nothing is converted: a value of another type is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLType,
    GraphQLUnionType,
)

from gateway.graphql.selection import Groups, Selection
from gateway.graphql.types.outputs import KEYS, REST, UNION, WHOLE
from gateway.graphql.types.scalars import FITS
from gateway.graphql.unknown import TYPENAME

Path = tuple[str | int, ...]
MAX_ERRORS = 100
"""Errors of one result; further ones are null without one."""


class TooMany(Exception):
    """More values are selected than the limit allows."""


class Mismatch(Exception):
    """A value that is not of its field's type. `str()` is the reason, without the value."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(reason)
        self.path = path


class Projection:
    """Selects of one result at most `limit` values. `errors` are those of the values that became null."""

    def __init__(self, selection: Selection, limit: int) -> None:
        self.errors: list[Mismatch] = []
        self._selection = selection
        self._left = limit
        self._groups: dict[tuple[str, int], Groups] = {}

    def of(self, type_: GraphQLType, nodes: Sequence[FieldNode], value: Any, path: Path) -> Any:
        """Returns what `nodes` select of a value.

        Raises:
            TooMany
            Mismatch: the type cannot be null.
        """
        if isinstance(type_, GraphQLNonNull):
            found = self._typed(type_.of_type, nodes, value, path)
            if found is None:
                raise Mismatch("The tool's result lacks a value that its output schema requires.", path)
            return found
        try:
            return self._typed(type_, nodes, value, path)
        except Mismatch as exc:
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(exc)
            return None

    def _typed(self, type_: GraphQLType, nodes: Sequence[FieldNode], value: Any, path: Path) -> Any:
        self._left -= 1
        if self._left < 0:
            raise TooMany
        if value is None:
            return None
        if isinstance(type_, GraphQLScalarType):
            if not FITS[type_.name](value):
                raise _mismatch(type_, path)
            return value
        if isinstance(type_, GraphQLList):
            if type(value) is not list:
                raise _mismatch(type_, path)
            return [self.of(type_.of_type, nodes, item, (*path, number)) for number, item in enumerate(value)]
        if isinstance(type_, GraphQLEnumType):
            if type(value) is not str or value not in type_.values:
                raise _mismatch(type_, path)
            return value
        return self._object(self._object_type(type_, value, path), nodes, value, path)

    def _object_type(self, type_: GraphQLType, value: Any, path: Path) -> GraphQLObjectType:
        if type(value) is not dict:
            raise _mismatch(type_, path)
        if isinstance(type_, GraphQLUnionType):
            tag, names = type_.extensions[UNION]
            name = names.get(value.get(tag)) if type(value.get(tag)) is str else None
            type_ = self._selection.schema.get_type(name) or type_ if name is not None else type_
        if not isinstance(type_, GraphQLObjectType):
            raise _mismatch(type_, path)
        return type_

    def _object(
        self, type_: GraphQLObjectType, nodes: Sequence[FieldNode], value: Mapping[str, Any], path: Path
    ) -> dict[str, Any]:
        place = (type_.name, id(nodes))
        if place not in self._groups:
            self._groups[place] = self._selection.below(type_, nodes)
        keys, found = type_.extensions[KEYS], {}
        for key, group in self._groups[place].items():
            name = group[0].name.value
            if name == TYPENAME:
                found[key] = type_.name
            elif name in keys:
                found[key] = self.of(type_.fields[name].type, group, value.get(keys[name]), (*path, key))
            else:
                found[key] = _own(name, keys, value)
        return found


def _own(name: str, keys: Mapping[str, str], value: Mapping[str, Any]) -> Any:
    """Returns the value of a field of ours."""
    if name == WHOLE:
        return value
    assert name == REST
    declared = {*keys.values()}
    return {key: item for key, item in value.items() if key not in declared}


def _mismatch(type_: GraphQLType, path: Path) -> Mismatch:
    return Mismatch(f"The tool's result has a value that is no {type_}.", path)
