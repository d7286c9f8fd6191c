"""The entry of a server with several instances: what is refused, and how its addresses are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LoadError
from gateway.upstream.config import read_upstreams
from gateway.upstream.instances.addresses import shown
from tests.gateway.upstream.conftest import written

A, B = "http://10.0.0.5:9000/mcp", "http://10.0.0.6:9000/mcp"
REFUSED = {
    "with a URL": ({"url": A, "instances": [B]}, "'url' and 'instances' exclude each other"),
    "with a command": ({"command": "x", "instances": [A]}, "'instances' are servers of the type 'http'"),
    "of 2024": ({"type": "sse", "instances": [A]}, "'instances' are servers of the type 'http'"),
    "none": ({"instances": []}, "instances: Tuple should have at least 1 item"),
    "too many": ({"instances": [f"http://h{n}/secret" for n in range(65)]}, "instances: Tuple should have at most 64"),
    "no list": ({"instances": A}, "instances: Input should be a valid tuple"),
    "no text": ({"instances": [A, 1]}, "instances.1: Input should be a valid string"),
    "no URL": ({"instances": [A, "secret"]}, "instances.1: it must begin with http:// or https://"),
    "a password": ({"instances": ["http://secret:secret@h/mcp"]}, "instances.0: a name or password belongs in"),
    "the same twice": ({"instances": [A, B, A]}, "instances.2: it is the same as instances.0"),
    "the same but for the query": ({"instances": [A, A + "?key=secret"]}, "instances.1: it is the same as instances.0"),
    "drain of one": ({"url": A, "drain": 1}, "'drain' is for servers with 'instances'"),
    "a negative time": ({"instances": [A], "drain": -1}, "drain: Input should be greater than or equal to 0"),
    "patterns that are no list": ({"instances": [A], "idempotent": "get_*"}, "idempotent: Input should be a valid"),
}


@pytest.mark.parametrize(("entry", "reason"), REFUSED.values(), ids=REFUSED)
def test_wrong_entry_is_refused_without_its_values(tmp_path: Path, entry: dict[str, Any], reason: str) -> None:
    with pytest.raises(LoadError) as raised:
        read_upstreams(Path(written(tmp_path, {"one": entry})))
    assert reason in str(raised.value)
    assert "secret" not in str(raised.value)


def test_entry_with_instances_is_of_type_http(tmp_path: Path) -> None:
    entry = {"instances": [A, "https://${HOST}/sse"], "idempotent": ["get_*"], "drain": 5}
    found = read_upstreams(Path(written(tmp_path, {"one": entry})))["one"]
    assert (found.type, found.instances, found.drain) == ("http", (A, "https://${HOST}/sse"), 5)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (A, A),
        ("http://me:secret@h:1/mcp?key=secret#x", "http://h:1/mcp"),
        ("https://h?key=secret", "https://h"),
        ("https://${HOST}/mcp", "https://${HOST}/mcp"),
    ],
)
def test_address_is_shown_without_what_may_be_secret(url: str, address: str) -> None:
    assert shown(url) == address
