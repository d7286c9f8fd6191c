"""Object types whose fields have names that GraphQL accepts: the library would read each of them letter by letter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from graphql import GraphQLField, GraphQLInputField, GraphQLInputObjectType, GraphQLObjectType


class ObjectType(GraphQLObjectType):
    """`make` returns the fields when they are needed first."""

    def __init__(self, name: str, make: Callable[[], dict[str, GraphQLField]], **options: Any) -> None:
        super().__init__(name, make, **options)
        self._make = make

    @cached_property
    def fields(self) -> dict[str, GraphQLField]:
        return self._make()


class InputType(GraphQLInputObjectType):
    """As `ObjectType`."""

    def __init__(self, name: str, make: Callable[[], dict[str, GraphQLInputField]], **options: Any) -> None:
        super().__init__(name, make, **options)
        self._make = make

    @cached_property
    def fields(self) -> dict[str, GraphQLInputField]:
        return self._make()
