"""The values that JSON can carry. One rule for arguments, results, reports and errors of every way in."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from pydantic_core import from_json, to_json

from gateway.errors import InvalidRequest

MAX_DIGITS = 4300
"""The digits of the longest whole number that Python's own `json` reads."""

_MAX_REASON = 300
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_STEP = 64
_DIGITS = b"0" * (MAX_DIGITS // _STEP)
"""What one byte in `_STEP` of a longer number is at least, all digits taken for zeros."""

_FEW = 200
_BYTES_FOR_A_CHARACTER = 6
_BYTES_FOR_A_VALUE = 64
_LARGE = 2**63
_NUMBERS = (int, float)
_NOT_SCALAR = (float, dict, list)


class Unsendable(Exception):
    """A value that cannot be sent. `str()` is the reason, in one line."""

    def __init__(self, reason: object) -> None:
        super().__init__(str(reason).partition("\n")[0][:_MAX_REASON])


def encode(value: Any) -> bytes:
    """Returns `value` as JSON.

    Raises:
        Unsendable: it has no JSON form, is not UTF-8, circular, too deep, or has a number that JSON cannot carry.
    """
    try:
        encoded = to_json(value)
    except Exception as exc:  # of pydantic, or of a serializer that the tool's author wrote
        raise Unsendable(exc) from exc
    check_numbers(encoded)
    return encoded


def prove(value: Any, limit: int | None = None) -> int:
    """Returns the size of `value` as JSON, or an upper bound that is not above `limit`, most often without encoding it.

    Raises:
        Unsendable: as `encode`.
    """
    size = _bound(value)
    return len(encode(value)) if size is None or (limit is not None and size > limit) else size


def _bound(value: Any) -> int | None:
    """Returns an upper bound of the size of a few plain values; None if only an encoder can tell."""
    length = 0
    values = [value]
    for each in values:
        kind = type(each)
        if kind is str:
            if not each.isascii():
                return None
            length += len(each)
        elif kind is dict:
            if len(values) + 2 * len(each) > _FEW:
                return None
            values += each
            values += each.values()
        elif kind is list:
            if len(values) + len(each) > _FEW:
                return None
            values += each
        elif not (each is None or kind is bool or (kind in _NUMBERS and -_LARGE < each < _LARGE)):
            return None
    return length * _BYTES_FOR_A_CHARACTER + len(values) * _BYTES_FOR_A_VALUE


def encode_scalar(value: object) -> bytes:
    """Returns a scalar as JSON, in less time than `encode`.

    Raises:
        Unsendable
    """
    try:
        encoded = to_json(value)
    except ValueError as exc:
        raise Unsendable(exc) from exc
    kind = type(value)
    if kind is float or (kind is int and len(encoded) > MAX_DIGITS):
        check_numbers(encoded)
    return encoded


def check_numbers(encoded: bytes) -> None:
    """Refuses JSON with NaN, an infinity, or a whole number of more than `MAX_DIGITS` digits.

    Raises:
        Unsendable
    """
    # Texts may look like these numbers. Then only a parser can tell. One byte is found much faster than several.
    if (b"N" in encoded and b"NaN" in encoded) or (b"I" in encoded and b"Infinity" in encoded):
        _parse(encoded, "it has a number that JSON cannot carry: NaN or an infinity")
    if len(encoded) > MAX_DIGITS and _DIGITS in encoded[::_STEP].translate(_TO_ZEROS):
        _parse(encoded, f"it has a whole number of more than {MAX_DIGITS} digits")


def check_size(size: int, limit: int) -> None:
    """Raises Unsendable if a result of `size` bytes is larger than `limit` allows."""
    if size > limit:
        raise Unsendable(f"it has {size} bytes, and MCP_MAX_RESULT is {limit}")


def check_finite(values: Iterable[Any], name: str) -> None:
    """Refuses numbers that are infinite because they are too large, such as `1e400`, in values read from JSON.

    Raises:
        InvalidRequest: with `name` in its message.
    """
    for value in values:
        if type(value) in _NOT_SCALAR and not _is_finite(value):
            raise InvalidRequest(f"`{name}` has a number that is too large.")


def _is_finite(value: Any) -> bool:
    if type(value) is float:
        return isfinite(value)
    try:
        prove(value)
    except Unsendable:
        return False
    return True


def _parse(encoded: bytes, reason: str) -> None:
    try:
        from_json(encoded, allow_inf_nan=False)
    except ValueError as exc:
        raise Unsendable(reason) from exc
