"""The console in a real browser with authentication on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.auth import api_key_file
from tests.browser.chromium import Chromium
from tests.browser.page import Page, opened_page
from tests.keys import add_key
from tests.process.live.router import Router

pytestmark = pytest.mark.browser


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Yields the URL of a console, a key that may read it, and one that may not."""
    keys = tmp_path / "keys.json"
    reader, other = add_key(keys, "reader", "console:read"), add_key(keys, "other", "math:*")
    with Router(tmp_path, MCP_CONSOLE="1", MCP_AUTH_KEYS=str(keys)) as router:
        yield f"http://localhost:{router.await_table().port}/console", reader, other


def log_in(page: Page, key: str) -> None:
    page.until("!!document.querySelector('#key')")
    page.run("document.querySelector('#key').focus()")
    page.write(key)
    page.press("Enter")


def test_key_opens_the_console_until_it_is_revoked(
    chromium: Chromium, guarded: tuple[str, str, str], tmp_path: Path
) -> None:
    console, reader, _ = guarded
    with opened_page(chromium) as page:
        page.look()
        page.open(console)
        page.await_text("main", "needs a key")
        assert page.violations() == []
        log_in(page, "mcp_wrong")
        page.await_text("main", "The credential is not valid.")
        page.run("document.querySelector('#key').value = ''")
        log_in(page, reader)
        page.await_text("main", "calls a second")
        assert page.run("document.cookie") == ""
        assert page.run("document.querySelectorAll('tbody').length") == 2
        page.open(f"{console}/servers")
        page.await_text("main", "math")
        page.open(console)
        page.await_text("main", "calls a second")
        (tmp_path / "keys.json").write_text(api_key_file.KeyFile(keys=[]).model_dump_json())
        page.until("!!document.querySelector('#key')", within=5)
        before = len(page.requested)
        page.run("new Promise((done) => setTimeout(done, 1500))")
        assert len(page.requested) == before, "a stream that is refused is not asked for again"


def test_key_without_the_scope_is_told_so_and_can_leave(chromium: Chromium, guarded: tuple[str, str, str]) -> None:
    console, _, other = guarded
    with opened_page(chromium) as page:
        page.open(console)
        log_in(page, other)
        page.await_text("main", "This needs the scope console:read, which key:other lacks.")
        page.open(f"{console}/try?server=math&tool=add_tool")
        page.until("!!document.querySelector('form.try')")
        assert '-H "Authorization: Bearer $KEY"' in page.text(".snippet")
        page.click("nav button")
        page.until("!!document.querySelector('#key')")
