"""The files that describe the servers, and the servers as they describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.servers.changes import Source
from gateway.servers.stamps import Stamps


class FollowedSource(Source, Protocol):
    """`retries` is True if the server may start later although nothing of its description changes."""

    @property
    def retries(self) -> bool: ...

    @property
    def files(self) -> Set[Path]:
        """The files of this server alone. A change of one makes the server again."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """`sources` is what the files said when their stamps were `stamps`; `read` reads them again, and raises LoadError.

    `watched` returns the paths that may describe other servers later. Both run in a thread.
    """

    sources: Mapping[str, FollowedSource]
    stamps: Stamps
    read: Callable[[], Mapping[str, FollowedSource]]
    watched: Callable[[], Iterable[Path]]
