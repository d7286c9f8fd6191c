"""Types whose names are accepted already: the library would read each of them letter by letter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
)

_UNREAD = "_"


class ObjectType(GraphQLObjectType):
    """`make` returns the fields when they are needed first."""

    def __init__(self, name: str, make: Callable[[], dict[str, GraphQLField]], **options: Any) -> None:
        super().__init__(_UNREAD, make, **options)
        self.name = name
        self._make = make

    @cached_property
    def fields(self) -> dict[str, GraphQLField]:
        return self._make()


class InputType(GraphQLInputObjectType):
    """As `ObjectType`."""

    def __init__(self, name: str, make: Callable[[], dict[str, GraphQLInputField]], **options: Any) -> None:
        super().__init__(_UNREAD, make, **options)
        self.name = name
        self._make = make

    @cached_property
    def fields(self) -> dict[str, GraphQLInputField]:
        return self._make()


class EnumType(GraphQLEnumType):
    def __init__(self, name: str, values: dict[str, GraphQLEnumValue], **options: Any) -> None:
        super().__init__(_UNREAD, values, **options)
        self.name = name
        self._made = values

    @cached_property
    def values(self) -> dict[str, GraphQLEnumValue]:
        return self._made
