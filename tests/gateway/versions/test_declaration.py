"""A wrong declaration keeps the application from starting, and says why."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.errors import LoadError
from tests.conftest import MakeApp
from tests.gateway.versions.searching import searching

SINCE = {"since": "2026-12-01"}


async def plain() -> str:
    return "plain"


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"version": "latest"}, "`version`: expected a semantic version (2.1.0) or a date (2026-12-01), not 'latest'"),
        ({"version": 2}, "`version` must be a string like '2.1.0', not 2"),
        ({"versions_of": "search"}, "`version` must be a string like '2.1.0', not None"),
        ({"version": "1", "versions_of": ""}, "`versions_of` must be the name of the tool, not ''"),
        ({"version": "1", "deprecated": True}, "`deprecated` must be an object of strings"),
        ({"version": "1", "deprecated": {}}, "`deprecated.since` is missing"),
        ({"version": "1", "deprecated": {"since": "soon"}}, "`deprecated.since` must be a date like '2026-12-01'"),
        ({"version": "1", "deprecated": SINCE | {"sunset": "2026-11-30"}}, "must not be before `deprecated.since`"),
        ({"version": "1", "deprecated": SINCE | {"until": "2027"}}, "has an unknown field 'until'"),
        ({"version": "1", "deprecated": SINCE | {"use": "2"}}, "`deprecated.use`: there is no other version '2'"),
        ({"version": "1", "deprecated": SINCE | {"use": "next"}}, "`deprecated.use`: expected a version"),
    ],
)
def test_wrong_declaration_is_refused_at_the_start(meta: dict[str, Any], reason: str, make_app: MakeApp) -> None:
    server: MCPServer[Any] = MCPServer("one")
    server.add_tool(plain, name="search", meta=meta)
    with pytest.raises(LoadError) as caught:
        make_app(server)
    assert "one_server.py: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        (("1.0.0", "1.0"), "1.0.0 and 1.0 are the same"),
        (("1", "2026-12-01"), "1 and 2026-12-01: either all are dates, or none"),
    ],
)
def test_versions_that_do_not_go_together_are_refused(
    versions: tuple[str, ...], reason: str, make_app: MakeApp
) -> None:
    with pytest.raises(LoadError, match=reason):
        make_app(searching(*versions))


def test_name_with_and_without_versions_is_refused(make_app: MakeApp) -> None:
    server = searching("1", "2")
    server.add_tool(plain, name="search")
    with pytest.raises(LoadError, match="the versions of tool 'search': a tool of this name has no `version`"):
        make_app(server)


def test_versions_of_a_server_that_lists_its_tools_itself_are_refused(make_app: MakeApp) -> None:
    server = searching("1", "2")

    async def around(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    server.middleware.append(around)
    with pytest.raises(LoadError, match="has middleware, cannot have versions"):
        make_app(server)
