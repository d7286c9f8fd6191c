"""The library example serves two versions of its tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import create_app
from settings.values import Settings
from tests.transport import opened

pytestmark = pytest.mark.anyio
EXAMPLE = Path(__file__).parents[2] / "examples" / "library"


async def test_each_version_answers_in_its_own_form() -> None:
    async with opened(create_app(Settings(servers_dir=(str(EXAMPLE),)))) as http:
        body = {"tool": "search", "arguments": {"words": "the"}}
        found = [await http.post("/library/mcp/call", json=body | version) for version in ({}, {"version": "1"})]
    titles = ["The Left Hand of Darkness", "The Name of the Rose"]
    assert [answer.json()["result"] for answer in found] == [titles, titles[0]]
    assert ["deprecation" in answer.headers for answer in found] == [False, True]
