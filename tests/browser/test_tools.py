"""The tools on the pages in a real browser: their samples, their answers, and what can be copied."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.browser.page import Page
from tests.process.live.router import Router

pytestmark = pytest.mark.browser
TOOL = "#math_add_tool"
TALLEST = 2000
"""Pixels of an opened tool."""


def test_first_sample_of_the_math_tool_answers_42(page: Page, base: str) -> None:
    page.open(f"{base}/docs{TOOL}")
    assert json.loads(page.run(f"document.querySelector('{TOOL} textarea').value")) == {"a": 10, "b": 32}
    assert '"result": 42' in page.tried(TOOL)


def test_arguments_that_a_person_writes_are_sent_as_they_are(page: Page, base: str) -> None:
    page.open(f"{base}/docs{TOOL}")
    page.run(f"document.querySelector('{TOOL} textarea').select()")
    page.write('{"a": 9007199254740992, "b": 1}')
    assert '"result": 9007199254740993' in page.tried(TOOL)
    page.run(f"document.querySelector('{TOOL} textarea').select()")
    page.write('{"a": 1,}')
    page.click(f"{TOOL} button[type=submit]")
    page.await_text(f"{TOOL} .output", "These arguments are not JSON")


def test_whole_numbers_beyond_double_precision_are_shown_right(page: Page, base: str) -> None:
    page.open(f"{base}/docs#hostile_large")
    assert "9223372036854775807" in page.run("document.querySelector('#hostile_large textarea').value")
    assert "9223372036854775807" in page.text("#hostile_large pre")
    assert "integer required" in page.text("#hostile_large dl")
    answer = page.tried("#hostile_large")
    assert [text in answer for text in ("9223372036854775807", "9007199254740993", "1.0")] == [True] * 3


def test_no_opened_tool_is_tall(page: Page, base: str) -> None:
    page.look(1280, 800)
    page.open(f"{base}/docs")
    heights = page.run("""(async () => {
        const found = {};
        for (const tool of document.querySelectorAll("details.tool")) {
            tool.open = true;
            await new Promise((done) => tool.addEventListener("toggle", done, { once: true }));
            found[tool.id] = tool.offsetHeight;
            tool.open = false;
        }
        return found;
    })()""")
    assert len(heights) > 110
    assert {tool: height for tool, height in heights.items() if height >= TALLEST} == {}
    assert min(heights.values()) > 200


def test_markup_in_names_and_descriptions_is_text(page: Page, base: str) -> None:
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    for url in ("/", "/hostile", "/docs"):
        page.open(base + url)
        assert markup in page.text("main")
        page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        page.until("[...document.querySelectorAll('details.tool')].every((each) => each.childElementCount === 2)")
        assert page.run("document.querySelectorAll('main :is(img, script, b)').length") == 0
    tool = page.run("[...document.querySelectorAll('details.tool')].find((each) => each.innerText.includes('<img')).id")
    assert markup in page.tried(f"#{tool}")
    assert "&lt;b&gt;" in page.text(f"#{tool}")


def test_what_is_copied_is_what_is_shown_and_works(page: Page, base: str, router: Router) -> None:
    tool = router.get("/openapi.json")["paths"]["/hostile/mcp/tools/quoted"]["post"]
    quoted = tool["requestBody"]["content"]["application/json"]["example"]["text"]
    assert """it's $HOME `id` \\ {"a":1""" in quoted
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    page.send("Browser.grantPermissions", origin=base, permissions=permissions)
    page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    copied = []
    for url, answer in (("/", quoted), ("/math", 42), ("/docs#hostile_quoted", quoted)):
        page.open(base + url)
        for number in range(2 if "#" not in url else 1):
            page.run(f"document.querySelectorAll('.copy')[{number}].click()")
            page.until(f"document.querySelectorAll('.copy')[{number}].innerText === 'Copied'")
            copied.append(page.run("navigator.clipboard.readText()"))
            assert copied[-1] == page.run(f"document.querySelectorAll('.snippet pre')[{number}].textContent")
        curl = next(text for text in reversed(copied) if text.startswith("curl"))
        done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["result"] == answer
    clients = [json.loads(text)["mcpServers"] for text in copied if text.startswith("{")]
    assert clients == [
        {"multi-mcp": {"type": "http", "url": f"{base}/mcp"}},
        {"math": {"type": "http", "url": f"{base}/math/mcp"}},
    ]


def test_text_is_copied_without_the_clipboard_of_secure_pages_too(page: Page, base: str) -> None:
    page.open(f"{base}/math")
    page.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click(".copy")
    page.until("['Copied', 'Press Ctrl+C'].includes(document.querySelector('.copy').innerText)")
    assert page.run("getSelection().toString()") == page.run("document.querySelector('.snippet code').textContent")


def test_call_can_be_cancelled(page: Page, base: str) -> None:
    page.open(f"{base}/slow")
    tool = "slow_wait_tool"
    page.run(f"document.getElementById('{tool}').open = true")
    page.until(f"document.querySelector('#{tool} textarea') !== null")
    page.run(f"document.querySelector('#{tool} textarea').value = '{{\"seconds\": 60}}'")
    page.click(f"#{tool} button[type=submit]")
    page.await_text(f"#{tool} button[type=submit]", "Cancel")
    page.click(f"#{tool} button[type=submit]")
    page.await_text(f"#{tool} .output", "Cancelled")
