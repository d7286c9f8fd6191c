"""What is on and cannot be had is said in one plain line."""

from __future__ import annotations

import pytest

from features.feature import Features, part
from gateway.errors import LoadError
from tests.blocked import made_without
from tests.conftest import MakeApp, server_of


@pytest.mark.process
@pytest.mark.parametrize(
    ("missing", "environ"),
    [
        ("prometheus_client", {"MCP_METRICS": "/metrics"}),
        ("redis", {"REDIS_URL": "redis://127.0.0.1"}),
    ],
)
def test_a_package_that_is_missing_is_one_plain_line(missing: str, environ: dict[str, str]) -> None:
    ended = made_without(missing, **environ)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("multi-mcp: ")
    assert f"needs the package {missing!r}" in line
    assert "pip install -r requirements-optional.txt" in line


def test_a_part_that_is_not_there_is_an_error_with_its_name() -> None:
    with pytest.raises(LoadError, match=r"no\.such\.module needs the package 'no', which is not there"):
        part("no.such.module", "Name")


def test_those_who_watch_are_told_what_is_served(make_app: MakeApp) -> None:
    seen: list[object] = []
    features = Features(watchers=[lambda registry, aggregate: seen.append(registry)])
    registry = make_app(server_of()).state.registry
    features.watch(registry, None)  # type: ignore[arg-type]
    assert seen == [registry]
