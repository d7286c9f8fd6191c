"""Trying a tool in the console: its form, its progress, its questions, and its images."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.page import Page
from tests.process.live.router import Router

pytestmark = pytest.mark.browser
ANSWER = ".answer"
ROUND = """(async () => {
    const { group } = await import(new URL("form.js", location.href.replace(/\\/try.*/, "/")));
    const api = await (await fetch("../openapi.json")).json();
    const resolve = (value) => JSON.parse(JSON.stringify(value).replaceAll("#/components/schemas/", "#/$defs/"));
    const found = [];
    for (const [path, { post }] of Object.entries(api.paths)) {
        const content = post?.requestBody?.content["application/json"];
        if (!content || !/\\/mcp\\/tools\\//.test(path)) continue;
        let schema = resolve(content.schema);
        while (schema.$ref) schema = resolve(api.components.schemas[schema.$ref.split("/").at(-1)]);
        schema = { ...schema, $defs: resolve(api.components.schemas) };
        const form = group({ schema, document: schema, depth: 0, label: path, required: true });
        form.set(content.example ?? {});
        found.push([path, content.example ?? {}, JSON.parse(form.json()), form.element.innerHTML.includes("as JSON")]);
    }
    return found;
})()"""


def given(value: Any) -> Any:
    """Returns arguments without what a form leaves out: nulls of optional fields."""
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items() if item is not None}
    return [given(item) for item in value] if isinstance(value, list) else value


def test_form_gives_back_the_arguments_of_every_tool(page: Page, console: str) -> None:
    page.open(f"{console}/try?server=math&tool=add_tool")
    page.until("!!document.querySelector('form')")
    found = page.run(ROUND)
    assert len(found) > 100
    wrong = [(path, sample, back) for path, sample, back, _ in found if given(sample) != given(back)]
    assert wrong == []
    assert len([path for path, _, _, is_raw in found if is_raw]) < len(found) / 5


def test_tool_is_called_with_a_form_by_keyboard(page: Page, watched: Router, console: str) -> None:
    page.look()
    page.open(f"{console}/try?server=math&tool=add_tool")
    page.until("!!document.querySelector('form')")
    page.tab_to("it.labels?.[0]?.innerText.startsWith('a')")
    page.write("9007199254740993")
    page.press("Tab")
    page.write("x")
    page.press("Enter")
    page.await_text(".try .failed", "b: a number is needed.")
    assert page.run("document.activeElement.labels[0].innerText").startswith("b")
    page.run("document.activeElement.select()")
    page.write("1")
    page.press("Enter")
    page.await_text(ANSWER, "Done")
    assert "9007199254740994" in page.text(ANSWER)
    assert '{"a":9007199254740993,"b":1}' in page.text(".snippet")
    assert page.violations() == []


def test_form_and_json_are_the_same_arguments(page: Page, console: str) -> None:
    page.open(f"{console}/try?server=slow&tool=fail")
    page.until("!!document.querySelector('form')")
    page.run("document.querySelector('textarea').focus()")
    page.write("one")
    page.click(".switch button:nth-child(2)")
    assert json.loads(page.run("document.querySelector('#json').value")) == {"note": "", "password": "one"}
    page.run('document.querySelector(\'#json\').value = \'{"password": "two", "note": "n"}\'')
    page.click(".switch button:nth-child(1)")
    assert page.run("[...document.querySelectorAll('.field:not([hidden]) textarea')].map((each) => each.value)") == [
        *("two", "n"),
    ]
    page.click(".try .primary")
    page.await_text(ANSWER, "The tool reported an error")
    assert page.run("document.querySelectorAll('.answer b').length") == 0


def test_progress_is_shown_as_it_comes(page: Page, console: str) -> None:
    page.open(f"{console}/try?server=slow&tool=count")
    page.until("!!document.querySelector('form')")
    page.click(".try .primary")
    page.await_text(ANSWER, "Done")
    assert "step 1" in page.text(ANSWER)
    assert page.run("document.querySelector('progress').value") == 3
    page.open(page.run("document.querySelector('.answer a').href"))
    page.await_text(".fall", "progress: 3 3 step 3")
    assert "place among all calls" in page.text(".fall")
    assert "answer on its way back" in page.text(".fall")


def test_question_of_a_tool_is_a_form_whose_answer_continues_the_call(page: Page, console: str) -> None:
    page.look()
    page.open(f"{console}/try?server=slow&tool=ask")
    page.until("!!document.querySelector('form')")
    for action, text in (("primary", "accept 7"), ("primary + button", "decline")):
        page.click(".try .primary")
        page.until("!!document.querySelector('.questions')")
        assert "Which <i>size</i>?" in page.text(".questions")
        page.until("document.activeElement.matches('.questions input')")
        page.write("7")
        assert page.violations() == []
        page.click(f".questions .{action}")
        page.await_text(ANSWER, text)


def test_image_of_a_result_is_shown(page: Page, console: str) -> None:
    page.open(f"{console}/try?server=slow&tool=draw")
    page.until("!!document.querySelector('form')")
    page.click(".try .primary")
    page.until("document.querySelector('.answer img')?.naturalWidth === 1")


def test_call_that_is_tried_can_be_stopped(page: Page, console: str) -> None:
    page.open(f"{console}/try?server=slow&tool=wait")
    page.until("!!document.querySelector('form')")
    page.click(".try .primary")
    page.await_text(".try .primary", "Cancel")
    page.click(".try .primary")
    page.await_text(ANSWER, "Cancelled")
