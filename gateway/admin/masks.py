"""Hides the values of an entry that may be secrets, and puts them back into one that was read and changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from gateway.admin.errors import InvalidEntry
from gateway.tool import ArgumentError

MASK = "********"
_HARMLESS = re.compile(r"(?:[A-Za-z]{1,10} )?(?:\$\{(?:env:)?[A-Za-z_][A-Za-z0-9_]*\})*")
"""Variables without a default, perhaps behind a scheme such as `Bearer`."""

_MAPPINGS = ("headers", "env")
_DIRECTION = ("type", "transport", "url", "instances", "command", "args", "image", "cwd", "proxy", "tls")
"""The keys that say where the values go."""

_AUTH_DIRECTION = ("type", "tokenUrl", "issuer", "tls", "clientAuth", "resource", "audience")


def masked(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an entry as written, in which nothing stands that may be a secret."""
    return _mapped(entry, _hidden)


def unmasked(entry: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns an entry with the present values in place of their masks.

    Raises:
        InvalidEntry: a value is masked that there is not, or that would go elsewhere than now.
    """
    present: dict[str, str] = {}
    _mapped(before or {}, present.setdefault)
    restored: list[str] = []

    def put_back(path: str, value: str) -> str:
        if MASK not in value or path not in present or _hidden(path, present[path]) != value:
            return value
        restored.append(path)
        return present[path]

    found = _mapped(entry, put_back)
    reason = "the value must be written, as it is hidden and there is none to keep"
    left = _still_masked(found)
    if restored and _direction(found) != _direction(before or {}):
        left += restored
        reason = "the value must be written again, as the entry now leads elsewhere"
    if left:
        raise InvalidEntry([ArgumentError(path=path, reason=reason) for path in left])
    return found


def _still_masked(entry: Mapping[str, Any]) -> list[str]:
    found: list[str] = []

    def note(path: str, value: str) -> str:
        if MASK in value:
            found.append(path)
        return value

    _mapped(entry, note)
    return found


def _mapped(entry: Mapping[str, Any], change: Callable[[str, str], str]) -> dict[str, Any]:
    """Returns a copy in which `change` was applied to each text that may be a secret, by its path."""
    found: dict[str, Any] = deepcopy(dict(entry))
    for key in _MAPPINGS:
        if isinstance(values := found.get(key), dict):
            for name, value in values.items():
                if isinstance(value, str):
                    values[name] = change(f"{key}.{name}", value)
    if isinstance(auth := found.get("auth"), dict) and isinstance(auth.get("clientSecret"), str):
        auth["clientSecret"] = change("auth.clientSecret", auth["clientSecret"])
    for key in ("url", "proxy"):
        if isinstance(found.get(key), str):
            found[key] = change(key, found[key])
    if isinstance(instances := found.get("instances"), list):
        found["instances"] = [
            change(f"instances.{index}", each) if isinstance(each, str) else each
            for index, each in enumerate(instances)
        ]
    return found


def _hidden(path: str, value: str) -> str:
    if path in ("url", "proxy") or path.startswith("instances."):
        value = re.sub(r"(?<=//)[^/@?#]*(?=@)", MASK, value)
        head, mark, query = value.partition("?")
        return head + mark + (MASK if query and not _HARMLESS.fullmatch(query) else query)
    return value if _HARMLESS.fullmatch(value) else MASK


def _direction(entry: Mapping[str, Any]) -> Any:
    auth = entry.get("auth")
    of_auth = [auth.get(key) for key in _AUTH_DIRECTION] if isinstance(auth, dict) else None
    return [entry.get(key) for key in _DIRECTION], of_auth
