"""The order of what chooses a version: the call, the key, the routes, the highest; and dates as versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.versions.searching import searching
from tests.keys import add_key, bearer
from tests.matrix.target import Target
from tests.matrix.ways import VERSION, WAYS
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", WAYS)
async def test_call_goes_before_the_key_and_the_key_before_the_route(
    way: str, make_app: MakeApp, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    plain, pinned = bearer(add_key(path, "plain", "one:*")), bearer(add_key(path, "p", "one:*", pins=["one:*=2"]))
    routes = {"tool_routes": "one:search=1:1,3:0"}
    app = make_app(searching("1.0.0", "2.0.0", "3.0.0"), auth_keys=str(path), graphql=GRAPHQL, **routes)
    async with opened(app) as http:
        target = Target(app, http)
        for headers, version in (
            ({**pinned, VERSION: "3"}, "3.0.0"),
            (pinned, "2.0.0"),
            ({**plain, VERSION: "3"}, "3.0.0"),
            (plain, "1.0.0"),
        ):
            assert (await WAYS[way](target, "search", {}, headers)).value == version


@pytest.mark.parametrize("way", WAYS)
async def test_dates_are_versions(way: str, make_app: MakeApp) -> None:
    app = make_app(searching("2025-12-31", "2026-09-30", "2026-12-01"), graphql=GRAPHQL)
    async with opened(app) as http:
        target = Target(app, http)
        for pin, version in (
            ("", "2026-12-01"),
            ("2026-09-30", "2026-09-30"),
            ("<2026-12-01", "2026-09-30"),
            (">=2025-01-01,<2026-01-01", "2025-12-31"),
        ):
            assert (await WAYS[way](target, "search", {}, {VERSION: pin} if pin else {})).value == version
        assert (await WAYS[way](target, "search", {}, {VERSION: "2026-10-01"})).slug == "unknown-version"
