"""The pages at `/`, `/{server}` and `/docs` in a real browser: they can be read, used and copied from by everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.conftest import OWN
from tests.browser.page import Page, opened_page
from tests.browser.prefix import proxied
from tests.process.live.router import Router
from tests.shipped import shipped

pytestmark = pytest.mark.browser
TOOL = "#math_add_tool"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360, 320])
def test_every_page_is_accessible_and_fits_the_window(page: Page, few: str, scheme: str, width: int) -> None:
    page.look(width, 800, scheme)
    for url in ("/", "/math", "/hostile/", "/docs" + TOOL, "/docs#hostile_long"):
        page.open(few + url)
        if url.endswith(TOOL):
            page.tried(TOOL)
        assert page.violations() == [], url
        assert page.width() <= width, url


def test_home_shows_every_server_with_its_state_its_tools_and_what_to_copy(page: Page, base: str) -> None:
    page.open(base)
    shown = page.text("main")
    for text in (
        "6 servers with 124 tools",
        "math",
        "serving",
        "add_tool",
        "Add two numbers. The sum of whole numbers",
        f"{base}/math/mcp",
    ):
        assert text in shown
    assert page.run("document.title") == "Servers · Multi-MCP"
    links = page.run("[...document.querySelectorAll('nav a')].map((link) => link.href)")
    assert links == [f"{base}/", f"{base}/docs", f"{base}/openapi.json", f"{base}/health"]


def test_pages_are_left_and_come_back_to_without_loading(page: Page, base: str) -> None:
    page.open(base)
    loaded = len(page.requested)
    page.click("a[href$='/math']")
    page.await_text("h1", "math")
    page.click("nav a[href$='/docs']")
    page.await_text("h1", "Tools")
    assert page.run("location.pathname") == "/docs"
    page.run("history.back()")
    page.await_text("h1", "math")
    page.run("history.back()")
    page.await_text("h1", "Servers")
    assert len(page.requested) == loaded


@pytest.mark.parametrize("told", [True, False])
def test_pages_work_behind_a_stripped_prefix(page: Page, router: Router, told: bool) -> None:
    with proxied(router.port, told=told) as base:
        for url in ("/", "/math", "/math/", "/docs"):
            page.open(base + url)
            links = page.run("[...document.querySelectorAll('a')].map((link) => link.href)")
            assert [link for link in links if not link.startswith(f"{base}/")] == []
            assert page.run("document.querySelector('.brand img').naturalWidth") > 0
        page.open(f"{base}/docs{TOOL}")
        assert '"result": 42' in page.tried(TOOL)
        page.click(".brand")
        page.await_text("h1", "Servers")
        assert page.run("location.href") == f"{base}/"
        assert f"{base}/call" in page.text(".snippet pre")


def test_without_scripts_the_page_has_links(page: Page, base: str) -> None:
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.send("Page.navigate", url=f"{base}/math/")
    page.send("Page.navigate", url=f"{base}/math/")
    page.await_text("main", "This page needs JavaScript")
    assert page.run("[...document.querySelectorAll('noscript a')].map((a) => a.href)") == [
        f"{base}/{name}" for name in ("tools", "openapi.json", "health")
    ]


def test_twenty_servers_can_be_searched(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(20):
        tools = "\n".join(f"@mcp.tool()\ndef tool_{number}_{each}() -> None: ..." for each in range(20))
        source = f"from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('x')\n{tools}\n"
        (folder / f"number{number}_server.py").write_text(source)
    with Router(tmp_path, MCP_SERVERS_DIR=str(folder)) as router:
        router.await_table()
        page.look(320, 640)
        page.open(f"http://localhost:{router.port}")
        assert "20 servers with 400 tools" in page.text("main")
        assert page.width() <= 320
        assert page.violations() == []
        page.run("document.querySelector('input[type=search]').focus()")
        page.write("tool_13_19")
        page.until("document.querySelectorAll('.card:not([hidden])').length === 1")
        assert "number13" in page.text(".card:not([hidden])")
        assert "and 14 more tools of number13" in page.text(".card:not([hidden])")


def test_name_of_no_server_is_said_on_a_page(chromium: Chromium, base: str) -> None:
    with opened_page(chromium) as page:
        page.open(f"{base}/maths")
        assert "There is no server 'maths'. Did you mean 'math'?" in page.text("main")
        assert page.violations() == []
        page.click("main a")
        page.await_text("h1", "Servers")


def test_server_that_failed_is_shown_with_its_state(page: Page, tmp_path: Path) -> None:
    with Router(tmp_path, MCP_SERVERS_DIR=f"{shipped()}:{OWN}") as router:
        router.await_table()
        router.call("hostile", "ends")
        router.await_log("'hostile'")
        for url in ("/", "/hostile"):
            page.open(f"http://localhost:{router.port}{url}")
            assert "The log of the router has the reason." in page.text("main")
            assert page.text(".badge.failed") == "failed"
            assert page.violations() == []
