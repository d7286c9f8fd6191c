"""The tree of errors, and the messages of unknown and ambiguous names."""

from __future__ import annotations

import re

import pytest

from gateway import errors
from gateway.admin.errors import InvalidEntry
from gateway.console.errors import Cancelled
from gateway.errors import AmbiguousTool, GatewayError, UnknownServer, UnknownTool
from gateway.versions.errors import HeaderMismatch
from routes.errors import TABLE


def kinds(error: type[GatewayError]) -> list[type[GatewayError]]:
    return [kind for child in error.__subclasses__() for kind in (child, *kinds(child))]


def test_docstring_draws_every_error() -> None:
    elsewhere = (Cancelled, HeaderMismatch, InvalidEntry)  # errors of other packages count here too
    assert all(issubclass(error, GatewayError) for error in elsewhere)
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert sorted(drawn) == sorted({kind.__name__ for kind in kinds(GatewayError)})


def test_every_error_of_a_call_has_a_status() -> None:
    assert {kind.slug for kind in kinds(GatewayError)} - {"load", "start"} <= set(TABLE)


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("ecko", ["echo", "math"], "There is no server 'ecko'. Did you mean 'echo'?"),
        ("mats", ["math", "maths"], "There is no server 'mats'. Did you mean 'maths' or 'math'?"),
        ("zzz", ["echo", "math"], "There is no server 'zzz'."),
        ("zzz", [], "There is no server 'zzz'."),
        ("a\nb", [], r"There is no server 'a\nb'."),
    ],
)
def test_unknown_name_is_reported_with_the_nearest_ones(name: str, known: list[str], sentence: str) -> None:
    assert str(UnknownServer(name, known)) == sentence


def test_long_name_is_shortened_and_not_compared() -> None:
    name = "a" * 1_000_000
    assert str(UnknownServer(name, [name[1:]] * 1000)) == f"There is no server {name[:128] + '…'!r}."


def test_unknown_tool_is_reported_with_its_server_if_known() -> None:
    assert str(UnknownTool("ad", ["add"], "math")) == "Server 'math' has no tool 'ad'. Did you mean 'add'?"
    assert str(UnknownTool("ad", ["add"])) == "There is no tool 'ad'. Did you mean 'add'?"
    assert (UnknownTool("ad", [], "math").server, UnknownTool("ad", [], "math").tool) == ("math", "ad")


def test_ambiguous_tool_is_reported_with_every_full_name() -> None:
    sentence = "Several servers have a tool 'ask'; ask for one of: one_ask, two_ask."
    assert str(AmbiguousTool("ask", ["one_ask", "two_ask"])) == sentence
