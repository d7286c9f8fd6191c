"""HTTP proxies on the way to upstream servers."""
