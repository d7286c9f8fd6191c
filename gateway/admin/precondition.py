"""The state in which an entry must be for a request, so that no change undoes another one unseen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from gateway.admin.errors import PreconditionFailed
from gateway.upstream.servers_file.document import Entry


@dataclass(frozen=True, slots=True)
class Precondition:
    """The entity tag that the entry must have, or `*` for any; with `is_new` there must be none."""

    tag: str = ""
    is_new: bool = False

    def check(self, name: str, entry: Entry | None) -> None:
        """Raises PreconditionFailed."""
        if self.is_new and entry is not None:
            raise PreconditionFailed(f"There is an entry {name!r} already.")
        if self.tag and entry is None:
            raise PreconditionFailed(f"There is no entry {name!r}.")
        if self.tag not in ("", "*") and entry is not None and self.tag != etag(entry):
            raise PreconditionFailed(f"The entry {name!r} has changed; its ETag is another one now.")

    def of(self, entry: Entry | None) -> Precondition:
        """Returns the condition that nobody changes the entry, which meets this one, until it is written."""
        return Precondition(is_new=True) if entry is None else Precondition(etag(entry))


def etag(entry: Entry) -> str:
    """Returns the strong entity tag of an entry."""
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    return f'"{sha256(canonical.encode()).hexdigest()[:32]}"'
