"""Rules of scopes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.keys import bearer
from tests.matrix.credentials import CREATED, record, write_keys
from tests.matrix.rules import Call, Rule
from tests.matrix.ways import Outcome

SCOPES: Mapping[str, tuple[str, ...]] = {
    "exact": ("one:add",),
    "server": ("one:*",),
    "tools": ("*:a*",),
    "admin": ("admin",),
    "destructive": ("one:*", "danger"),
    "only-danger": ("danger",),
    "other": ("two:*", "one:ad", "one:addd", "*", "one", "add", "Admin", "ONE:*"),
    "nothing": (),
    "expired": ("admin",),
}
KEYS = {name: f"mcp_{number:08}_{name:->43}" for number, name in enumerate(SCOPES)}
HEADERS = {name: bearer(key) for name, key in KEYS.items()}


def keys(folder: Path) -> dict[str, Any]:
    """Writes a file with one key for each entry of `SCOPES`."""
    expiry = {"expired": CREATED}
    return write_keys(folder, *(record(KEYS[name], name, SCOPES[name], expiry.get(name)) for name in SCOPES))


def keys_and_danger(folder: Path) -> dict[str, Any]:
    return keys(folder) | {"destructive_scope": "danger"}


async def calls_without_a_valid_credential_are_refused(call: Call) -> None:
    for headers in ({}, bearer("wrong"), HEADERS["expired"]):
        outcome = await call("add", headers, a=1, b=2)
        assert (outcome.slug, outcome.status) == ("unauthenticated", 401)


async def matching_scopes_allow_the_call(call: Call) -> None:
    for name in ("exact", "server", "tools", "admin"):
        assert (await call("add", HEADERS[name], a=1, b=2)).value == 3


async def unknown_tool_within_the_scopes_is_reported(call: Call) -> None:
    for name in ("server", "admin"):
        assert (await call("nonsense", HEADERS[name])).slug in ("unknown-tool", "tool-error")


OPENING = ("one:*", "*:*")
"""The missing scopes of a caller who may use nothing of the server: a session at `one`, or over all, is not opened."""


def missing(outcome: Outcome) -> str:
    """Returns the scope that a refusal names in its body, and in its header if it has one."""
    scope: str = outcome.problem.get("scope") or outcome.problem["data"]["scope"]
    assert not outcome.headers or f'scope="{scope}"' in outcome.headers["www-authenticate"]
    return scope


async def other_scopes_are_refused(call: Call) -> None:
    for name in ("other", "nothing", "only-danger"):
        for tool in ("add", "wait", "erase", "nonsense"):
            outcome = await call(tool, HEADERS[name])
            assert (outcome.slug, outcome.status) == ("forbidden", 403)
            scope = missing(outcome)
            assert scope in (f"one:{tool}", *OPENING)
            assert f"'{scope}'" in (outcome.problem.get("detail") or outcome.problem["message"])
            challenge = f'Bearer error="insufficient_scope", scope="{scope}", resource_metadata="http://localhost/.well'
            assert not outcome.headers or outcome.headers["www-authenticate"].startswith(challenge)


async def destructive_tool_needs_its_scope(call: Call) -> None:
    for name in ("destructive", "admin"):
        assert (await call("erase", HEADERS[name])).value == "erased"
    outcome = await call("erase", HEADERS["server"])
    assert (outcome.slug, outcome.status) == ("forbidden", 403)
    assert missing(outcome) == "danger"
    assert (await call("add", HEADERS["server"], a=1, b=2)).value == 3
    assert missing(await call("erase", HEADERS["only-danger"])) in ("one:erase", *OPENING)


async def destructive_tool_needs_no_other_scope(call: Call) -> None:
    assert (await call("erase", HEADERS["server"])).value == "erased"


RULES = [
    Rule("a call without a valid credential is refused", calls_without_a_valid_credential_are_refused, keys),
    Rule("a scope that covers a tool allows the call", matching_scopes_allow_the_call, keys),
    Rule("a call outside the scopes is refused alike for existing and unknown tools", other_scopes_are_refused, keys),
    Rule("an unknown tool within the scopes is reported as unknown", unknown_tool_within_the_scopes_is_reported, keys),
    Rule(
        "a destructive tool needs the destructive scope too",
        destructive_tool_needs_its_scope,
        keys_and_danger,
    ),
    Rule("a destructive tool is like any other without the setting", destructive_tool_needs_no_other_scope, keys),
]
