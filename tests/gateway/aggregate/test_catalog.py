"""Lists and URIs over all servers. test_endpoint has the tests from the view of a client."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.aggregate.catalog import addressed, listed, map_uris, prefixed, without_prefix
from gateway.server import Server

pytestmark = pytest.mark.anyio


class Pages:
    """A server that returns its lists in pages."""

    name = "pages_of_it"

    def __init__(self, pages: list[list[str]]) -> None:
        self._pages = pages

    def handles(self, method: str) -> bool:
        return True

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        number = int(params.get("cursor", 0))
        more = {"nextCursor": str(number + 1)} if number + 1 < len(self._pages) else {}
        return {"resources": [{"uri": uri} for uri in self._pages[number]], **more}


def server(pages: list[list[str]]) -> Server:
    return cast("Server", Pages(pages))


async def test_all_pages_of_a_list_are_read() -> None:
    ctx = SimpleNamespace(params=None)
    owned = await listed([server([["a:1"], [], ["a:2"]])], ctx, "resources/list", "resources")
    assert [item["uri"] for _, item in owned] == ["a:1", "a:2"]


async def test_endless_list_is_read_to_a_hundred_pages() -> None:
    ctx = SimpleNamespace(params={"_meta": {}})
    owned = await listed([server([["a:1"]] * 1000)], ctx, "resources/list", "resources")
    assert len(owned) == 100


def test_prefixed_uri_leads_back_to_its_server() -> None:
    one = server([])
    assert prefixed(one, "a:1") == "pages.of.it+a:1"
    assert without_prefix([one], "pages.of.it+a:1") == (one, "a:1")
    assert without_prefix([one], "pages_of_it+a:1") is None


def test_uri_is_prefixed_only_if_several_servers_have_it() -> None:
    one, other = server([]), server([])
    owned = [(one, {"uri": "a:1"}), (one, {"uri": "a:2"}), (other, {"uri": "a:2"})]
    assert [item["uri"] for item in addressed(owned, "uri")] == ["a:1", "pages.of.it+a:2", "pages.of.it+a:2"]


def test_uris_are_mapped_at_any_depth_and_other_values_stay() -> None:
    content = [{"type": "resource", "resource": {"uri": "a:1", "text": "a:1"}}, {"uri": "a:3"}]
    assert map_uris(content, {"a:1": "b:1"}) == [
        {"type": "resource", "resource": {"text": "a:1", "uri": "b:1"}},
        {"uri": "a:3"},
    ]
