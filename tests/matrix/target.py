"""The application under test, and what a client of it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import httpx2
from starlette.applications import Starlette


@dataclass(frozen=True)
class Target:
    """The application under test, and a client of it.

    `sessions` are the headers of those open, by URL and caller; `numbers` are the ids of their requests.
    """

    app: Starlette
    http: httpx2.AsyncClient
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
