"""Versions that retire while the router runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.tool import Deprecation
from gateway.versions.errors import Retired
from gateway.versions.family import Family, Member
from gateway.versions.routing import Routing
from gateway.versions.version import Version


def member(text: str, sunset: float | None = None) -> Member:
    entry: Any = SimpleNamespace(version=text, info={"name": "search"})
    return Member(Version.of(text), entry, None if sunset is None else Deprecation(0.0, sunset))


def test_version_gets_calls_until_its_sunset_also_if_the_clock_is_set_back() -> None:
    time = [50.0]
    routing = Routing("one:search=1:1,2:0")
    family = Family(
        "one", "search", [member("1", 100.0), member("2"), member("3", 200.0)], routing, now=lambda: time[0]
    )
    seen = []
    for now in (50.0, 99.9, 100.0, 199.9, 200.0, 99.9):
        time[0] = now
        seen.append((family.choose(None).version, [each.version for each in family.live()]))
    assert seen == [
        ("1", ["3", "2", "1"]),
        ("1", ["3", "2", "1"]),
        ("3", ["3", "2"]),  # nothing is routed any more
        ("3", ["3", "2"]),
        ("2", ["2"]),
        ("1", ["3", "2", "1"]),
    ]
    time[0] = 100.0
    with pytest.raises(Retired):
        family.choose("1")
