"""Documents that the operator approved, which clients name by the SHA-256 of their text."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from starlette.exceptions import HTTPException

from gateway.errors import InvalidRequest

PREFIX = "sha256:"


class Persisted:
    """`texts` are the documents. With `only`, no others are accepted."""

    def __init__(self, texts: list[str], *, only: bool = False) -> None:
        self._by_hash = {sha256(text.encode()).hexdigest(): text for text in texts}
        self._known = frozenset(texts)
        self._only = only

    def text_of(self, body: Mapping[str, Any]) -> str:
        """Returns the document of a request: `query`, or the one that it names.

        Raises:
            InvalidRequest: there is none, or it may not be sent.
            HTTPException: 404, no document has this hash.
        """
        text, named = body.get("query"), _hash_in(body)
        if named is not None and text is None:
            if named not in self._by_hash:
                raise HTTPException(404, "PersistedQueryNotFound")  # the words that clients look for
            return self._by_hash[named]
        if type(text) is not str:
            raise InvalidRequest("`query` must be a string." if "query" in body else "`query` is missing.")
        if named is not None and sha256(text.encode("utf-8", "replace")).hexdigest() != named:
            raise InvalidRequest("The hash is not that of `query`.")
        if self._only and text not in self._known:
            raise InvalidRequest("Only persisted documents are accepted here.")
        return text


def _hash_in(body: Mapping[str, Any]) -> str | None:
    """Returns the hash by which a request names its document: `documentId`, or Apollo's `persistedQuery`."""
    named = body.get("documentId")
    if isinstance(named, str):
        return named.removeprefix(PREFIX).lower()
    extensions = body.get("extensions")
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    named = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return named.lower() if isinstance(named, str) else None
