"""Arguments and results as they are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.console.masking import MAX_SHOWN, of_arguments, of_json, of_native, of_text


@pytest.mark.parametrize(
    "name",
    ["password", "userPassword", "api_key", "apiKey", "token", "X-Api-Key", "client_secret", "authorization", "pin"],
)
def test_values_of_secrets_are_masked_by_their_name(name: str) -> None:
    shown = of_arguments({"user": "ann", "deep": [{name: "hunter2"}], name: {"a": "hunter2"}})
    assert "hunter2" not in shown
    assert "ann" in shown


@pytest.mark.parametrize("name", ["user", "compass", "monkey", "pinned", "author", "passenger", "keyboard"])
def test_other_values_are_shown(name: str) -> None:
    assert json.loads(of_arguments({name: "value"})) == {name: "value"}


@pytest.mark.parametrize(
    "text",
    ["password=hunter2", "the token: hunter2!", '{"secret": "hunter2"}', "Authorization: Bearer hunter2hunter2hunter2"],
)
def test_secrets_in_a_text_are_masked(text: str) -> None:
    assert "hunter2" not in of_text(text)
    assert "hunter2" not in of_json(json.dumps({"content": text}).encode())


@pytest.mark.slow
def test_long_values_are_cut_and_read_no_further() -> None:
    long = {"items": [{"password": "hunter2", "n": number} for number in range(100_000)]}
    for shown in (of_arguments(long), of_json(json.dumps(long).encode()), of_native(long), of_text("x" * 10**6)):
        assert MAX_SHOWN < len(shown) <= MAX_SHOWN + 1
        assert "hunter2" not in shown


def test_what_is_cut_in_a_secret_does_not_show_it() -> None:
    body = json.dumps({"pad": ["x" * 100] * 150, "password": "hunter2" * 5000}).encode()
    assert "hunter2" not in of_json(body)


def deep(depth: int) -> Any:
    value: Any = "password"
    for _ in range(depth):
        value = [value]
    return value


def test_deep_values_and_odd_ones_have_an_end() -> None:
    assert "…" in of_arguments(deep(50))
    assert of_json(b"\xff no json") == "\ufffd no json"
    assert of_arguments({"a": float("inf"), "b": b"\xff", "c": object}) is not None
