"""Arguments as text that is the same for the same arguments, however they were written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PosixPath, PurePosixPath
from typing import Any
from uuid import UUID

from pydantic import AnyUrl, BaseModel
from pydantic_core import to_json


def canonical(values: Collection[Any]) -> bytes | None:
    """Validated arguments, in the order of their parameters; None where not all of their values can be told apart.

    Pydantic's own dump is no key: it hides a secret, and leaves out what a model excludes.
    """
    try:
        if _SCALARS.issuperset(map(type, values)):  # as most are
            return to_json([*values])
        return to_json([_form(value) for value in values])
    except (TypeError, ValueError, RecursionError):
        return None


def _form(value: Any) -> Any:
    """A scalar as it is, all else as a list that begins with the name of its type.

    Raises:
        TypeError: of a type that is not known here.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind in _PARTS:
        return [kind.__name__, *_PARTS[kind](value)]
    return [f"{kind.__module__}.{kind.__qualname__}", *_of_class(value)]


def _of_class(value: Any) -> list[Any]:
    if isinstance(value, Enum):
        return [_form(value.value)]
    if isinstance(value, AnyUrl):
        return [str(value)]
    if isinstance(value, BaseModel):  # a tool can see which fields were given, so they are told apart too
        private = value.__pydantic_private__ or {}
        return [_form(part) for part in (value.__dict__, value.model_extra or {}, private, value.model_fields_set)]
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return [_form(named | getattr(value, "__dict__", {}))]
    raise TypeError(type(value))


def _of_sequence(value: Iterable[Any]) -> list[Any]:
    return list(map(_form, value))


def _of_set(value: Iterable[Any]) -> list[Any]:
    return _in_order(map(_form, value))


def _of_dict(value: Mapping[Any, Any]) -> list[Any]:
    return _in_order([_form(key), _form(item)] for key, item in value.items())


def _of_text(value: Any) -> list[Any]:
    return [str(value)]


def _in_order(forms: Iterable[Any]) -> list[Any]:
    return sorted(forms, key=to_json)


_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXTS = frozenset({datetime, date, time, timedelta, Decimal, UUID, PosixPath, PurePosixPath}) | frozenset(
    {IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, bytes}
)
"""Of these, `str` tells all values apart."""
_PARTS: Mapping[type, Callable[[Any], list[Any]]] = {
    **dict.fromkeys(_TEXTS, _of_text),
    **dict.fromkeys((list, tuple), _of_sequence),
    **dict.fromkeys((set, frozenset), _of_set),
    dict: _of_dict,
}
