"""Versions, their order, and the pins that choose among them."""

from __future__ import annotations

import pytest

from gateway.versions.pin import Pin
from gateway.versions.version import Version

IN_ORDER = [
    *("0.0.1", "0.9.0", "1", "1.2-", "1.9.0", "1.10.0", "2.0.0-alpha", "2.0.0-alpha.1", "2.0.0-alpha.beta"),
    *("2.0.0-beta.2", "2.0.0-beta.11", "2.0.0-rc.1", "2.0.0", "10"),
]


def test_versions_are_in_the_order_of_semantic_versioning() -> None:
    versions = [Version.of(text) for text in IN_ORDER if not text.endswith("-")]
    assert sorted(versions, key=lambda version: version.order) == versions
    assert Version.of("2026-09-30").order < Version.of("2026-12-01").order


@pytest.mark.parametrize(
    "text",
    ["", "v1", "1.", "1.2.3.4", "01", "1.2-rc", "1.0.0+build", "2026-13-01", "latest", "1" * 10, "1.0.0-" + "a" * 64],
)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a semantic version \(2\.1\.0\) or a date"):
        Version.of(text)


@pytest.mark.parametrize(
    ("pin", "matching"),
    [
        ("1.9.0", ["1.9.0"]),
        ("1", ["1.9.0", "1.10.0"]),
        ("1.9", ["1.9.0"]),
        ("^1.9", ["1.9.0", "1.10.0"]),
        ("^1.10.0", ["1.10.0"]),
        ("^0.2", ["0.2.5"]),
        ("^0", ["0.2.5", "0.3.0"]),
        (">=1,<3", ["1.9.0", "1.10.0", "2.0.0"]),
        (">1", ["2.0.0", "3.1.0"]),
        ("<=2", ["0.2.5", "0.3.0", "1.9.0", "1.10.0", "2.0.0"]),
        (">= 1.10 , < 2.0.1", ["1.10.0", "2.0.0"]),
        ("3.0.0-rc.1", ["3.0.0-rc.1"]),
        ("2026-12-01", ["2026-12-01"]),
        (">2026-01-01", ["2026-12-01"]),
        ("2026", []),
    ],
)
def test_pin_matches_versions(pin: str, matching: list[str]) -> None:
    texts = ["0.2.5", "0.3.0", "1.9.0", "1.10.0", "2.0.0", "3.0.0-rc.1", "3.1.0", "2026-12-01"]
    assert [text for text in texts if Pin(pin).matches(Version.of(text))] == matching


@pytest.mark.parametrize(
    "text", ["", "x", "^", "^2026-12-01", ">=", ">=1,", ">=1.0.0-rc", "1,2", "~1", "1.x", "é", ">1" * 40]
)
def test_other_texts_are_no_pins(text: str) -> None:
    with pytest.raises(ValueError, match="expected a version"):
        Pin(text)
