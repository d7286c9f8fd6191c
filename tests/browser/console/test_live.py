"""The console in a real browser: its live page, one call, and a call that is stopped."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.browser.page import Page
from tests.process.live.router import Router

pytestmark = pytest.mark.browser
ENDED = "document.querySelectorAll('tbody')[1]"
RUNNING = "document.querySelector('tr.running:not([hidden])')"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PAGES = ("", "/tools", "/servers", "/sessions", "/refusals", "/settings", "/try?server=slow&tool=wait")
LOOKS: list[dict[str, Any]] = [
    {"width": 1280, "scheme": "light"},
    {"width": 1280, "scheme": "dark"},
    {"width": 320, "scheme": "light"},
    {"width": 320, "scheme": "dark"},
    {"width": 1280, "forced": "active"},
    {"width": 1280, "scheme": "dark", "forced": "active"},
]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_is_accessible_and_fits_the_window(
    page: Page, watched: Router, console: str, look: dict[str, Any]
) -> None:
    page.look(height=800, **look)
    watched.call("math", "add", a=1, b="x")
    watched.call("math", "add", a=1, b=2)
    with watched.calling("slow", "wait"):
        for url in PAGES:
            page.open(console + url)
            page.until("document.querySelector('#page').childElementCount > 0")
            if not url:
                page.until(f"!!{RUNNING}")
            assert page.violations() == [], url
            assert page.width() <= look["width"], url
        page.open(console)
        page.open(page.until(f"{ENDED}.querySelector('a')?.href"))
        page.until("!!document.querySelector('.fall')")
        assert page.violations() == []
        assert page.width() <= look["width"]


def test_text_of_twice_the_size_fits_the_window(page: Page, console: str) -> None:
    page.look(640, 800)
    for url in PAGES:
        page.open(console + url)
        page.run("document.documentElement.style.fontSize = '200%'")
        page.until("document.querySelector('#page').childElementCount > 0")
        assert page.violations() == [], url
        assert page.width() <= 640, url


def test_stuck_call_stands_first_with_a_running_clock_and_is_stopped_by_keyboard(
    page: Page, watched: Router, console: str
) -> None:
    page.look()
    with watched.calling("slow", "wait") as connection:
        page.open(console)
        page.until(f"!!{RUNNING}")
        before = page.run(f"{RUNNING}.since.textContent")
        page.until(f"{RUNNING}.since.textContent !== {json.dumps(before)}")
        page.tab_to("it.textContent === 'Cancel'")
        page.press("Enter")
        page.until(f"!{RUNNING} && {ENDED}.rows[0].innerText.includes('cancelled')")
        page.until("document.querySelector('.status').textContent.startsWith('Cancelled')")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["type"]) == (499, "urn:multi-mcp:error:cancelled")


def test_whole_job_is_done_by_keyboard(page: Page, watched: Router, console: str) -> None:
    page.look()
    watched.call("math", "add", a=40, b=2)
    watched.call("math", "needle", a=1)
    page.open(console)
    page.until(f"{ENDED}.rows.length > 1")
    page.press("/")
    page.write("needle")
    page.until(f"[...{ENDED}.rows].filter((row) => !row.hidden).length === 1")
    assert page.run("location.search") == "?find=needle"
    page.press("Escape")
    page.press("j")
    assert page.run("document.activeElement.innerText") == "needle"
    page.press("Enter")
    page.until("location.pathname.startsWith('/console/calls/') && !!document.querySelector('.fall')")
    assert "Server 'math' has no tool 'needle'." in page.text("main")
    page.press("Escape")
    page.until(f"location.search === '?find=needle' && {ENDED}?.rows.length > 1")


def test_view_is_a_link(page: Page, watched: Router, console: str) -> None:
    watched.call("math", "add", a=40, b=2)
    watched.call("math", "missing")
    page.open(f"{console}?outcome=errors&server=math&slower=0")
    page.until(f"{ENDED}.rows.length > 1")
    shown = page.run(f"[...{ENDED}.rows].filter((row) => !row.hidden).map((row) => row.call.outcome)")
    assert "unknown-tool" in shown
    assert "ok" not in shown
    assert page.run("document.querySelector('#filter-outcome').value") == "errors"


def test_paused_list_counts_what_is_new(page: Page, watched: Router, console: str) -> None:
    watched.call("math", "add", a=1, b=2)
    page.open(console)
    page.until(f"{ENDED}.rows.length > 0")
    page.press("p")
    before = page.run(f"{ENDED}.rows.length")
    for _ in range(3):
        watched.call("math", "add", a=1, b=2)
    page.until("document.querySelector('.filters button').innerText === 'Resume (3 new)'")
    assert page.run(f"{ENDED}.rows.length") == before
    page.press("p")
    page.until(f"{ENDED}.rows.length === {before + 3}")


def test_markup_and_characters_that_turn_a_text_round_do_nothing(page: Page, watched: Router, console: str) -> None:
    page.look()
    turned = "\u202egnihton\u2066\u200b"
    watched.call("hostile", HOSTILE, given=HOSTILE, kind="<b>")
    watched.call("slow", "fail", password="hunter2", note=HOSTILE)
    watched.call("slow", f"{HOSTILE}{turned}")
    page.open(f"{console}?find=img")
    page.until(f"[...{ENDED}.rows].filter((row) => !row.hidden).length === 2")
    assert "⟨U+202E⟩gnihton⟨U+2066⟩⟨U+200B⟩" in page.text("main")
    assert page.run("document.querySelectorAll('tbody img, tbody script, tbody b').length") == 0
    page.open(page.run(f"[...{ENDED}.rows].find((row) => row.call.tool === 'fail').querySelector('a').href"))
    page.until("!!document.querySelector('.fall')")
    shown = page.text("main")
    assert f"<b>no</b> ⟨U+202E⟩nihton {HOSTILE}".replace("nihton", "gnihton") in shown
    assert "hunter2" not in shown
    assert page.run("document.querySelectorAll('main img, main script').length") == 0
    page.open(f"{console}/tools")
    page.await_text("main", "<img src=x")
    assert page.run("document.querySelectorAll('main img, main script').length") == 0


def test_pages_that_the_browser_keeps_for_going_back_hold_up_no_other(
    page: Page, watched: Router, console: str
) -> None:
    page.look()
    began = time.monotonic()
    for number in range(8):
        page.open(f"{console}?find={number}")
    page.open(f"{console}/settings")
    assert time.monotonic() - began < 40  # if each kept its connection, of six for one host, it would take a minute
    page.run("void setTimeout(() => history.go(-2))")
    page.until("location.search === '?find=7'")
    watched.call("math", "back7")
    page.until(f"[...{ENDED}.rows].some((row) => row.call.tool === 'back7')")
