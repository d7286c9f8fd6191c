"""`"versions"` in the file: a wrong one keeps the router from starting, and the reason is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import LoadError
from tests.conftest import MakeApp, server_of
from tests.gateway.upstream.versions.serving import child, described, written

GOOD: dict[str, Any] = {"1.0.0": "one-v1", "2.0.0": "one-v2"}
ENTRIES = {"one-v1": child("1.0.0"), "one-v2": child("2.0.0")}
SINCE = {"since": "2026-12-01"}


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ([], "versions: expected"),
        ({"one": {}}, "versions: expected"),
        ({"one": "one-v1"}, "versions: expected"),
        ({"tools": GOOD}, "'tools' cannot be the name of a server"),
        ({"one": GOOD, "One": {"3": "one-v3"}}, "versions of 'One': '3': there is no entry 'one-v3'"),
        ({"one": {"1.0.0": "nothing"}}, "'1.0.0': there is no entry 'nothing'"),
        ({"one": {"1.0.0": 7}}, "'1.0.0': expected the name of an entry"),
        ({"one": {"1.0.0": {"server": "one-v1", "weight": 7}}}, "'1.0.0': expected the name of an entry"),
        ({"one": {"newest": "one-v1"}}, "'newest': expected a semantic version"),
        ({"one": {"1": "one-v1", "1.0.0": "one-v2"}}, "1 and 1.0.0 are the same"),
        ({"one": {"1.0.0": "one-v1", "2026-12-01": "one-v2"}}, "either all are dates, or none"),
        ({"one": {"1.0.0": "one-v1", "2.0.0": "one-v1"}}, "the entry 'one-v1' is named twice"),
        ({"one": {"1.0.0": "one-v1"}, "two": {"1.0.0": "one-v1"}}, "the entry 'one-v1' is named twice"),
        ({"one-v2": {"1.0.0": "one-v1"}}, "an entry that is none of them has this name"),
        ({"one": {**GOOD, "1.0.0": {"server": "one-v1", "deprecated": {}}}}, "`deprecated.since` is missing"),
        (
            {"one": {**GOOD, "1.0.0": {"server": "one-v1", "deprecated": {**SINCE, "use": "3"}}}},
            "there is no other version '3'",
        ),
    ],
    ids=str,
)
def test_wrong_versions_are_refused(versions: Any, reason: str, make_app: MakeApp, tmp_path: Path) -> None:
    file = written(tmp_path, {"mcpServers": ENTRIES, "versions": versions})
    with pytest.raises(LoadError) as refused:
        make_app(servers_file=file)
    assert reason in str(refused.value)


def test_name_is_not_that_of_a_file(make_app: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="the name 'one' is taken by a file of MCP_SERVERS_DIR"):
        make_app(server_of(name="one"), servers_file=written(tmp_path, described("1.0.0", "2.0.0")), servers=())


def test_route_needs_a_version_that_there_is(make_app: MakeApp, tmp_path: Path) -> None:
    file = written(tmp_path, described("1.0.0", "2.0.0"))
    with pytest.raises(LoadError, match="MCP_TOOL_ROUTES: one:search has no version '3'"):
        make_app(servers_file=file, tool_routes="one:search=2:90,3:10")
    make_app(servers_file=file, tool_routes="one:search=1:90,2:10")


def test_settings_of_entries_that_run_a_version_are_checked(make_app: MakeApp, tmp_path: Path) -> None:
    document = described("1.0.0", "2.0.0")
    document["mcpServers"]["one-v1-0-0"]["pin"] = "block"
    with pytest.raises(LoadError, match="MCP_PINS_FILE is not set"):
        make_app(servers_file=written(tmp_path, document))


def test_file_without_a_container_may_have_a_server_of_this_name(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(servers_file=written(tmp_path, {"versions": child("1.0.0")}))
    assert "versions" in app.state.registry
