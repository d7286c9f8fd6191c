"""Entity tags of entries."""

from __future__ import annotations

from gateway.admin.precondition import etag


def test_tag_is_that_of_the_content_and_not_of_the_order_of_its_keys() -> None:
    assert etag({"url": "http://a/", "timeout": 3}) == etag({"timeout": 3, "url": "http://a/"})
    assert etag({"url": "http://a/"}) != etag({"url": "http://b/"})
    assert etag({}).startswith('"')
