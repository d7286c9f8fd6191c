"""The page at the URL of GraphQL, and its script."""

from __future__ import annotations

from pathlib import Path

from routes.pages.pages import DOCS, KINDS, Pages, Static

FOLDER = Path(__file__).parent / "static"


def add_page(pages: Pages, path: str) -> None:
    """Adds the page at `path` to those of the router. Its links are relative, so they are right behind any prefix."""
    text, up = (FOLDER / "graphql.html").read_bytes(), "../" * (path.count("/") - 1)
    for url, above in ((path, up), (path + "/", up + "../")):
        page = text.replace(b"{up}", above.encode()).replace(b"{path}", path[1:].encode())
        pages.add(url, Static(page, "text/html", Vary="Accept"))
    pages.add_part(f"{DOCS}/graphql.js", Static((FOLDER / "graphql.js").read_bytes(), KINDS[".js"]))
