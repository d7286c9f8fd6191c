"""docs/settings.md has one row for each setting, which agrees with its declaration."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from settings.reader import setting_of
from settings.values import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
SETTINGS = [setting_of(declared) for declared in fields(Settings)]


def test_page_has_the_name_default_and_meaning_of_every_setting() -> None:
    assert [(setting.name, setting.shown, setting.meaning) for setting in SETTINGS] == ROWS


def test_defaults_on_the_page_are_those_of_the_code() -> None:
    shown = {name: default.strip("`") for name, default, _ in ROWS if default.startswith("`")}
    assert Settings.from_env(shown) == Settings()
    assert {default for name, default, _ in ROWS if name not in shown} == {"none", "all", "derived"}


def test_page_has_no_other_row() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    headings = [line for line in lines if line in ("| setting | default | meaning |", "|---|---|---|")]
    assert len(lines) == len(headings) + len(SETTINGS)
