"""Everything that is checked of an entry before a server is opened for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.admin.errors import InvalidEntry, invalid
from gateway.errors import LoadError
from gateway.tool import ArgumentError
from gateway.upstream.admission.rules import Rules
from gateway.upstream.config import IGNORED, KEYS, Upstream, server_name, upstream_of
from gateway.upstream.http.address import Address
from gateway.upstream.link import LinkFailure

_OURS = ("source", "restarted")


def own_fields(entry: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns an entry with the keys that the API alone writes. Raises InvalidEntry if it has others there."""
    ours = {"source": "api"} | ({"restarted": before["restarted"]} if before and "restarted" in before else {})
    for key in _OURS:
        if key in entry and entry[key] not in (ours.get(key), (before or {}).get(key)):
            raise invalid(key, "the admin API writes this key")
    return {key: value for key, value in entry.items() if key not in _OURS} | ours


def check_name(name: str) -> None:
    """Raises InvalidEntry for a name that no server can have in URLs."""
    try:
        is_own = server_name(name) == name and len(name) <= 128
    except LoadError:
        is_own = False
    if not is_own:
        raise invalid("name", "a name consists of a-z, 0-9, - and _, and is not one of the reserved ones")


def valid(name: str, entry: Mapping[str, Any], *, is_strict: bool) -> Upstream:
    """Raises InvalidEntry. A strict one has no unknown key, which may be a protection with a typing error."""
    unknown = sorted(entry.keys() - IGNORED - {*KEYS}) if is_strict else []
    if unknown:
        raise InvalidEntry([ArgumentError(path=key, reason="the key is not known") for key in unknown[:50]])
    if not isinstance(entry.get("disabled", False), bool):
        raise invalid("disabled", "expected true or false")
    try:
        return upstream_of(f"server {name!r}", entry)
    except LoadError as exc:
        reason = str(exc).partition(": ")[2]
        raise InvalidEntry(exc.errors or [ArgumentError(path=_key_in(reason), reason=reason)]) from exc


async def check_rules(rules: Rules, upstream: Upstream) -> None:
    """Raises InvalidEntry if the entry may not come by the API, or leads where it must not."""
    if refusals := rules.refusals(upstream):
        raise InvalidEntry(refusals)
    for path, url in rules.urls(upstream):
        origin = Address.parse(url).origin
        try:
            await rules.destinations.resolve(origin.host, origin.port)
        except LinkFailure as exc:
            raise invalid(path, str(exc)) from exc
        except OSError:  # a name that cannot be resolved now is judged when it is connected to
            continue


def _key_in(reason: str) -> str:
    """Returns the key that a reason begins with or quotes first; empty if it is about several."""
    words = [reason.partition(":")[0], *reason.split("'")[1::2]]
    return next((word for word in words if word.partition(".")[0] in KEYS), "")
