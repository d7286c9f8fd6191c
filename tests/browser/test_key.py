"""The pages in a real browser with authentication on: they ask for a key, and keep it in their memory alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.page import Page, opened_page
from tests.keys import add_key
from tests.process.live.router import Router

pytestmark = pytest.mark.browser
TOOL = "#math_add_tool"
KEPT = """(async () => [
    localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length,
    (await caches.keys()).length, JSON.stringify(history.state), location.href, document.documentElement.outerHTML,
].join(" "))()"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Router, str]]:
    """Yields a router with two servers, and a key for one of them."""
    folder = tmp_path_factory.mktemp("keys")
    key = add_key(folder / "keys", "page", "math:*")
    with Router(folder, MCP_AUTH_KEYS=str(folder / "keys")) as router:
        yield router.await_table(), key


def enter(page: Page, key: str) -> None:
    """Types a key where the focus is, as a person does."""
    page.until("document.activeElement.id === 'key'")
    page.write(key)
    page.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("path", ["/", "/math", "/docs"])
def test_page_asks_for_a_key_and_names_nothing(
    page: Page, served: tuple[Router, str], path: str, width: int, scheme: str
) -> None:
    page.look(width, 800, scheme)
    page.open(f"http://localhost:{served[0].port}{path}")
    assert page.text("h1") == "A key is needed"
    assert page.violations() == []
    assert page.width() <= width
    assert "echo" not in page.text()
    assert "add_tool" not in page.text()


def test_wrong_key_is_told_and_the_right_one_shows_what_it_may_use(page: Page, served: tuple[Router, str]) -> None:
    router, key = served
    page.open(f"http://localhost:{router.port}/docs{TOOL}")
    enter(page, "wrong")
    page.await_text("#key-error", "not valid")
    assert page.violations() == []
    enter(page, "ключ")
    page.await_text("#key-error", "has a character that no key has")
    page.run("document.querySelector('#key').select()")
    enter(page, key)
    page.await_text("h1", "Tools")
    assert page.violations() == []
    assert "echo" not in page.text("main")
    page.click(f"{TOOL} button[type=submit]")
    page.await_text(f"{TOOL} .output", '"result": 42')
    assert '-H "Authorization: Bearer $KEY"' in page.text(f"{TOOL} .snippet")


def test_key_goes_from_page_to_page_and_is_gone_after_a_reload(page: Page, served: tuple[Router, str]) -> None:
    router, key = served
    page.open(f"http://localhost:{router.port}/")
    enter(page, key)
    page.await_text("h1", "Servers")
    assert '"Authorization": "Bearer YOUR_KEY"' in page.text("main")
    page.click("a[href$='/math']")
    page.await_text("h1", "math")
    page.run("history.back()")
    page.await_text("h1", "Servers")
    kept = page.run(KEPT)
    assert kept.startswith("0 0  0 0 ")
    assert key not in kept
    assert [url for url in page.requested if key in url] == []
    page.run("location.reload()")
    page.await_text("h1", "A key is needed")


def test_key_can_be_forgotten(page: Page, served: tuple[Router, str]) -> None:
    router, key = served
    page.open(f"http://localhost:{router.port}/math/")
    enter(page, key)
    page.await_text("h1", "math")
    page.click("nav button")
    page.await_text("h1", "A key is needed")
    page.until("document.querySelector('nav button') === null")


def test_tool_is_tried_with_the_keyboard_alone(page: Page, served: tuple[Router, str]) -> None:
    router, key = served
    page.open(f"http://localhost:{router.port}/docs")
    enter(page, key)
    page.await_text("h1", "Tools")
    page.run("document.body.focus()")
    page.tab_to("it.tagName === 'SUMMARY' && it.innerText.includes('add_tool')")
    page.press("Enter")
    page.until(f"document.querySelector('{TOOL} textarea') !== null")
    page.tab_to("it.tagName === 'TEXTAREA'")
    page.press("Tab")
    assert page.run("document.activeElement.innerText") == "Try it"
    page.press("Space")
    page.await_text(f"{TOOL} .output", '"result": 42')
    page.tab_to("it.className === 'copy'")


def test_key_that_may_use_nothing_sees_no_server(chromium: Chromium, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "nothing", "other:*")
    with Router(tmp_path, MCP_AUTH_KEYS=str(tmp_path / "keys")) as router, opened_page(chromium) as page:
        page.open(f"http://localhost:{router.await_table().port}/")
        enter(page, key)
        page.await_text("h1", "Servers")
        assert "0 servers with 0 tools" in page.text("main")
        assert page.violations() == []


def test_router_that_is_not_reached_is_told_and_tried_again(chromium: Chromium, tmp_path: Path) -> None:
    with opened_page(chromium) as page:
        with Router(tmp_path) as router:
            page.open(f"http://localhost:{router.await_table().port}/math")
            page.click("details:first-of-type summary")
            page.until("document.querySelector('details textarea') !== null")
            router.end()
        page.click("details button[type=submit]")
        page.await_text("details .output", "The router was not reached")
