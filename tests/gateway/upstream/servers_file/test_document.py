"""Changes of one entry in the text of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LoadError
from gateway.upstream.servers_file.document import ServersDocument

PATH = Path("mcp.json")
FORMS = [
    '{"mcpServers": %s}',
    '{"inputs": [{"id": "a"}], "servers": %s, "x": {"servers": {}}}',
    "%s",
    '\n{\n\t"mcpServers": %s\n}\n',
]
BODIES = [
    "{}",
    '{"far": {"url": "http://a/"}}',
    '{\n  "far" : { "url" : "http://a/" },\n  "b": {"command":"x","args":["-y", "z"]}\n}',
    '{\n    "a": {"url": "http://a/", "n": 1.50, "u": "\\u00e9"}\n}',
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", ["far", "new", "a", "b"])
@pytest.mark.parametrize("entry", [None, {"url": "http://c/", "headers": {"X": '}{",é'}}])
def test_change_sets_one_entry_and_keeps_the_text_of_the_others(
    form: str, body: str, name: str, entry: dict[str, Any] | None
) -> None:
    before = form % body
    changed = ServersDocument(PATH, before).with_entry(name, entry)
    expected = {key: value for key, value in json.loads(body).items() if key != name} | ({name: entry} if entry else {})
    whole = form % json.dumps(expected)
    assert json.loads(changed.text) == json.loads(whole)
    assert changed.entries == expected
    for line in body.splitlines():
        if line.strip("{} ,\n") and f'"{name}"' not in line:
            assert line.strip(" {},") in changed.text
    assert changed.text.startswith(form.partition("%s")[0])
    assert changed.text.endswith(form.partition("%s")[2])


def test_new_entry_is_written_as_the_others_are() -> None:
    text = '{\n  "mcpServers": {\n    "a": {\n      "url": "http://a/"\n    }\n  }\n}\n'
    changed = ServersDocument(PATH, text).with_entry("b", {"url": "http://b/"}).text
    assert (
        changed == json.dumps({"mcpServers": {"a": {"url": "http://a/"}, "b": {"url": "http://b/"}}}, indent=2) + "\n"
    )
    assert ServersDocument(PATH, changed).with_entry("b", None).text == text


def test_first_entry_of_an_empty_file_is_indented() -> None:
    text = '{\n  "mcpServers": {}\n}\n'
    changed = ServersDocument(PATH, text).with_entry("b", {"url": "http://b/"}).text
    assert changed == json.dumps({"mcpServers": {"b": {"url": "http://b/"}}}, indent=2) + "\n"


def test_name_with_other_spelling_keeps_its_key() -> None:
    document = ServersDocument(PATH, '{"mcpServers": {"Brave Search": {"url": "http://a/"}}}')
    assert json.loads(document.with_entry("brave-search", {"url": "http://b/"}).text) == {
        "mcpServers": {"Brave Search": {"url": "http://b/"}}
    }


def test_repeated_key_is_gone_after_it_was_removed() -> None:
    document = ServersDocument(PATH, '{"a": {"url": "x"}, "b": {}, "a": {"url": "y"}}')
    assert document.entries["a"] == {"url": "y"}
    assert json.loads(document.with_entry("a", None).text) == {"b": {}}
    assert json.loads(document.with_entry("a", {"url": "z"}).text) == {"a": {"url": "z"}, "b": {}}


def test_number_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(LoadError):
        ServersDocument(PATH, "{}").with_entry("a", {"timeout": float("inf")})


def test_lone_surrogate_is_written_as_it_was_read() -> None:
    text = '{"a": {"x": "\\ud800"}, "b": {"x": "é"}}'
    document = ServersDocument(PATH, text)
    changed = document.with_entry("c", document.entries["a"]).text
    assert json.loads(changed)["c"] == {"x": "\ud800"}
    changed.encode()
