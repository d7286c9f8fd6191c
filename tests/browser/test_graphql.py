"""The page of GraphQL in a real browser: by mouse and by keyboard, with a key and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.page import Page
from tests.browser.test_key import KEPT, enter
from tests.keys import add_key
from tests.process.live.router import Router
from tests.shipped import shipped

pytestmark = pytest.mark.browser
OWN = Path(__file__).parent / "servers"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("graphql")
    with Router(folder, MCP_SERVERS_DIR=f"{shipped()}:{OWN}", MCP_GRAPHQL="/graphql") as router:
        yield f"http://localhost:{router.await_table().port}/graphql"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_page_answers_its_own_example_without_violations(page: Page, url: str, width: int, scheme: str) -> None:
    page.look(width, 900, scheme)
    page.open(url)
    assert page.violations() == []
    page.click("#ask button[type=submit]")
    page.await_text("#output", "Answered in")
    assert '"data"' in page.text("#output pre")
    assert "type Query" in page.text("#schema")
    assert page.violations() == []
    assert page.width() <= width


def test_whole_job_is_done_by_keyboard(page: Page, url: str) -> None:
    page.open(f"{url}/")
    page.run("document.getElementById('document').select()")
    page.write("query($a: Float!) { _servers x: __typename }")
    page.tab_to("it.id === 'variables'")
    page.write('{"a": 1}')
    page.tab_to("it.type === 'submit' && it.closest('#ask')")
    page.press("Enter")
    page.await_text("#output", "never used")
    page.run("document.getElementById('document').select()")
    page.write("mutation { math_add(a: 9007199254740992, b: 1) }")
    page.tab_to("it.type === 'submit' && it.closest('#ask')")
    page.press("Enter")
    page.await_text("#output", "9007199254740993")


def test_key_is_asked_for_and_kept_in_memory_alone(page: Page, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "page", "math:*")
    with Router(tmp_path, MCP_AUTH_KEYS=str(tmp_path / "keys"), MCP_GRAPHQL="/graphql") as router:
        page.open(f"http://localhost:{router.await_table().port}/graphql")
        enter(page, "wrong")
        page.await_text("#key-error", "not valid")
        assert page.violations() == []
        page.run("document.getElementById('key').select()")
        enter(page, key)
        page.await_text("#schema", "math_add")
        assert "echo" not in page.text("#schema")
        assert key not in page.run(KEPT)
