"""The servers page of the console for an administrator, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.console.test_login import log_in
from tests.browser.page import opened_page
from tests.keys import add_key
from tests.process.live.router import Router
from tests.routes.admin.conftest import child

pytestmark = pytest.mark.browser


@pytest.fixture
def administered(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Yields the URL of the page, the key of an administrator, and one that may only read."""
    keys, file = tmp_path / "keys.json", tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"far": child()}}))
    admin, reader = add_key(keys, "admin", "admin"), add_key(keys, "reader", "console:read")
    settings = {"MCP_ADMIN": "1", "MCP_ADMIN_STDIO": "python3", "MCP_SERVERS_FILE": str(file)}
    with Router(tmp_path, MCP_CONSOLE="1", MCP_AUTH_KEYS=str(keys), **settings) as router:
        yield f"http://localhost:{router.await_table().port}/console/servers", admin, reader


def test_server_is_disabled_and_enabled_by_keyboard(chromium: Chromium, administered: tuple[str, str, str]) -> None:
    url, admin, _ = administered
    with opened_page(chromium) as page:
        page.look(320)
        page.open(url)
        log_in(page, admin)
        page.await_text("main", "Restart")
        assert page.violations() == []
        assert page.width() <= 320
        page.tab_to("it.textContent === 'Disable'")
        page.press("Enter")
        page.until("document.querySelector('.status').textContent === 'Disabled far'")
        assert page.run("document.activeElement.ariaLabel") == "Enable far"
        assert page.violations() == []
        page.press("Enter")
        page.until("document.querySelector('.status').textContent === 'Enabled far'")


def test_reader_sees_no_buttons(chromium: Chromium, administered: tuple[str, str, str]) -> None:
    url, _, reader = administered
    with opened_page(chromium) as page:
        page.open(url)
        log_in(page, reader)
        page.await_text("main", "far")
        assert page.run("document.querySelectorAll('#page button').length") == 0
