"""The interface of the way on which processes of one deployment tell each other of changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Heard = Callable[[str, str], None]
"""Takes the method of a notification, and the URI of its resource, which is empty for that of a list."""


class Exchange(Protocol):
    """Carries the change notifications of servers, which are known by their names in all processes."""

    def tell(self, server: str, method: str, uri: str) -> None:
        """Tells the other processes soon. Equal notifications in a short time become one."""
        ...

    def hear(self, server: str, heard: Heard, missed: Callable[[], None]) -> AbstractContextManager[None]:
        """Calls `heard` with what other processes tell of the server, for as long as it is entered.

        `missed` is called when there may have been more.
        """
        ...


class Alone:
    """The exchange of a process that has none."""

    def tell(self, server: str, method: str, uri: str) -> None:
        """Has nobody to tell."""

    def hear(self, server: str, heard: Heard, missed: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()
